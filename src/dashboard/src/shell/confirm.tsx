/** Asks before something is done that cannot be undone: a modal dialog, with the focus on the way back. */

import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { Modal } from "./modal";

interface Props {
  title: string;
  /** What the button that does it says. */
  action: string;
  onConfirm: () => void;
  onCancel: () => void;
  children: ComponentChildren;
}

export function Confirm({ title, action, onConfirm, onCancel, children }: Props) {
  const buttons = (
    <>
      <button type="button" onClick={onCancel}>
        {t("confirm.cancel")}
      </button>
      <button type="button" class="primary" onClick={onConfirm}>
        {action}
      </button>
    </>
  );
  return (
    <Modal title={title} onClose={onCancel} actions={buttons}>
      {children}
    </Modal>
  );
}
