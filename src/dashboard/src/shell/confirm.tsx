/** Asks before something is done that cannot be undone: a modal dialog, with the focus on the way back. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";

interface Props {
  title: string;
  /** What the button that does it says. */
  action: string;
  onConfirm: () => void;
  onCancel: () => void;
  children: ComponentChildren;
}

/** Open for as long as it is rendered. */
export function Confirm({ title, action, onConfirm, onCancel, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current!;
    element.showModal();
    // Closing gives the focus back to where it was; merely taking it away would not.
    return () => element.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="confirm card"
      aria-labelledby="confirm-title"
      onCancel={(event) => {
        event.preventDefault();
        onCancel();
      }}
    >
      <h2 id="confirm-title">{title}</h2>
      {children}
      <p class="actions">
        <button type="button" onClick={onCancel}>
          {t("confirm.cancel")}
        </button>
        <button type="button" class="primary" onClick={onConfirm}>
          {action}
        </button>
      </p>
    </dialog>
  );
}
