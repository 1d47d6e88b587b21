/** Asks before something that others would notice at once: whoever wants it types its name. */

import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { Modal } from "./modal";

interface Props {
  title: string;
  /** What has to be typed. */
  name: string;
  /** What the button that does it says. */
  action: string;
  onConfirm: () => void;
  onCancel: () => void;
  children: ComponentChildren;
}

export function TypedConfirm({ title, name, action, onConfirm, onCancel, children }: Props) {
  const [typed, setTyped] = useState("");
  const isSame = typed.trim() === name;
  const buttons = (
    <>
      <button type="button" onClick={onCancel}>
        {t("confirm.cancel")}
      </button>
      <button type="button" class="primary" aria-disabled={!isSame} onClick={() => isSame && onConfirm()}>
        {action}
      </button>
    </>
  );
  return (
    <Modal title={title} onClose={onCancel} actions={buttons}>
      {children}
      <label class="field">
        {t("retrain.typeName", { name })}
        <input autocomplete="off" spellcheck={false} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
    </Modal>
  );
}
