/** The parts of a model's page as tabs (WAI-ARIA: one stop for Tab, arrow keys, Home and End between them), named in the address. */

import type { ComponentChildren, TargetedKeyboardEvent } from "preact";
import { useRef } from "preact/hooks";
import { t } from "../../i18n";
import { showTab, tab, TABS, type Tab } from "./view";

interface Props {
  /** A word beside a tab's name, such as how many columns drift. */
  badges: Partial<Record<Tab, string>>;
  children: ComponentChildren;
}

export function Tabs({ badges, children }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const shown = tab.value;
  const move = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const next = tabAfter(shown, event.key);
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    showTab(next);
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={t("tab.label")} ref={list} onKeyDown={move}>
        {TABS.map((each) => (
          <button
            type="button"
            key={each}
            role="tab"
            id={`tab-${each}`}
            aria-selected={each === shown}
            aria-controls={each === shown ? "tab-panel" : undefined}
            tabIndex={each === shown ? 0 : -1}
            onClick={() => showTab(each)}
          >
            {t(`tab.${each}`)}
            {badges[each] === undefined ? null : <span class="tag">{badges[each]}</span>}
          </button>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${shown}`} key={shown}>
        {children}
      </div>
    </>
  );
}

/** The tab a key leads to; `null` if it leads nowhere. From the last one goes on to the first. */
export function tabAfter(from: Tab, key: string): Tab | null {
  const place = TABS.indexOf(from);
  const to: Record<string, number> = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: TABS.length - 1 };
  const next = to[key];
  return next === undefined ? null : TABS[(next + TABS.length) % TABS.length]!;
}
