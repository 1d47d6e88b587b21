/** Keys that work everywhere, and the dialog that lists them. Letters count only where nobody types, and never with Ctrl, Alt or Meta. */

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { t, type Key } from "../i18n";
import { ANALYSIS, go, route } from "../route/route";
import { showTab, TABS } from "../pages/model/view";

const open = signal(false);

export const showShortcuts = (): void => {
  open.value = true;
};

/** Milliseconds within which a second letter belongs to a `g` before it. */
const PAIR_MS = 1_200;

const LISTED: { keys: string[]; text: Key }[] = [
  { keys: ["?"], text: "keys.help" },
  { keys: ["/"], text: "keys.filter" },
  { keys: ["g", "o"], text: "keys.overview" },
  { keys: ["g", "a"], text: "keys.analysis" },
  { keys: ["1", "…", String(TABS.length)], text: "keys.tab" },
  { keys: ["←", "→"], text: "keys.points" },
  { keys: ["+", "−", "0"], text: "keys.zoom" },
  { keys: ["Esc"], text: "keys.close" },
];

/** Listens for as long as it is rendered, and shows the list when asked. */
export function Shortcuts() {
  useEffect(() => {
    let wentAt = 0;
    const hear = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
      const paired = Date.now() - wentAt < PAIR_MS;
      wentAt = 0;
      const tab = TABS[Number(event.key) - 1];
      if (event.key === "?") showShortcuts();
      else if (event.key === "g") wentAt = Date.now();
      else if (paired && event.key === "o") go("/");
      else if (paired && event.key === "a") go(ANALYSIS);
      else if (event.key === "/") document.querySelector<HTMLElement>("input[type=search]")?.focus();
      else if (tab !== undefined && route.peek().page === "model") showTab(tab);
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", hear);
    return () => document.removeEventListener("keydown", hear);
  }, []);
  return open.value ? <List /> : null;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

function List() {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current!;
    element.showModal();
    // closing gives the focus back to where it was; merely taking it away would not
    return () => element.close();
  }, []);
  const close = (): void => {
    open.value = false;
  };
  return (
    <dialog ref={dialog} class="shortcuts card" aria-labelledby="shortcuts-title" onClose={close}>
      <h2 id="shortcuts-title">{t("keys.title")}</h2>
      <dl>
        {LISTED.map(({ keys, text }) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (key === "…" ? " … " : <kbd key={key}>{key}</kbd>))}
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <p class="actions">
        <button type="button" class="primary" onClick={close}>
          {t("keys.done")}
        </button>
      </p>
    </dialog>
  );
}
