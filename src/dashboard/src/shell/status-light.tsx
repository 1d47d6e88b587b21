/** A model's state by shape, word and colour, so that none of the three alone has to carry it. */

import type { Status } from "../api/types";
import { t } from "../i18n";

export function StatusLight({ status }: { status: Status }) {
  return (
    <span class={`status ${status}`}>
      <StatusShape status={status} />
      {t(`status.${status}`)}
    </span>
  );
}

export function StatusShape({ status }: { status: Status }) {
  return (
    <svg class={`shape ${status}`} viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
      {status === "healthy" ? <circle cx="7" cy="7" r="5.5" /> : null}
      {status === "warning" ? <path d="M7 1.2 13.4 12.6H.6z" /> : null}
      {status === "critical" ? <path d="M4.2.8h5.6l3.4 3.4v5.6l-3.4 3.4H4.2L.8 9.8V4.2z" /> : null}
      {status === "unknown" ? <path class="ring" d="M7 1.2 12.8 7 7 12.8 1.2 7z" /> : null}
      {status === "training" ? <path class="ring" d="M12 7a5 5 0 1 1-2-4M10.4.6v2.7H7.7" /> : null}
    </svg>
  );
}
