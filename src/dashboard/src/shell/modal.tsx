/** A modal dialog: what asks something and what shows something are both one. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  title: string;
  /** Of the way it looks, beside those of every dialog. */
  class?: string;
  /** Escape. */
  onClose: () => void;
  /** Its buttons; the first has the focus. */
  actions: ComponentChildren;
  children: ComponentChildren;
}

/** Open for as long as it is rendered. */
export function Modal({ title, class: look = "", onClose, actions, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current!;
    element.showModal();
    // closing gives the focus back to where it was; merely taking the element away would not
    return () => element.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={`confirm card ${look}`.trim()}
      aria-labelledby="modal-title"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id="modal-title">{title}</h2>
      {children}
      <p class="actions">{actions}</p>
    </dialog>
  );
}
