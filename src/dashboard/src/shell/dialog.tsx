/** A modal dialog that shows something; Escape and its button close it. */

import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { Modal } from "./modal";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: Props) {
  const close = (
    <button type="button" onClick={onClose}>
      {t("dialog.close")}
    </button>
  );
  return (
    <Modal title={title} class="shown" onClose={onClose} actions={close}>
      {children}
    </Modal>
  );
}
