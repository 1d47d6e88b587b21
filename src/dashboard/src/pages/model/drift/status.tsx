import type { ColumnStatus } from "../../../api/drift";
import { t } from "../../../i18n";

/** By shape, word and colour. What could not be judged is neither good nor bad, and looks like neither. */
export function ColumnLight({ status }: { status: ColumnStatus }) {
  return (
    <span class={`column-status ${status}`}>
      <svg class="shape" viewBox="0 0 14 14" width="12" height="12" aria-hidden="true">
        {status === "drift" ? <path d="M7 1.2 13.4 12.6H.6z" /> : null}
        {status === "stable" ? <circle cx="7" cy="7" r="5" /> : null}
        {status === "no_data" || status === "not_compared" ? <circle class="ring dashed" cx="7" cy="7" r="5" /> : null}
      </svg>
      <span class="word">{t(`status.column.${status}`)}</span>
    </span>
  );
}
