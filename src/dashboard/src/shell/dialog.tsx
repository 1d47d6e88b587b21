/** A modal dialog that shows something; Escape and its button close it. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** Open for as long as it is rendered. */
export function Dialog({ title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current!;
    element.showModal();
    // closing gives the focus back to where it was
    return () => element.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="confirm card shown"
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id="dialog-title">{title}</h2>
      {children}
      <p class="actions">
        <button type="button" onClick={onClose}>
          {t("dialog.close")}
        </button>
      </p>
    </dialog>
  );
}
