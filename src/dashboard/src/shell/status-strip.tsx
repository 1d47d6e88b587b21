/** What the status of a model has been, as a strip: time runs to the right and ends now. */

import type { Status } from "../api/types";
import { clock, utc } from "../format/time";
import { t } from "../i18n";
import { now } from "../store/clock";
import { language } from "../store/preferences";

/** From `at` on the status was this. */
export interface StatusChange {
  at: string;
  status: Status;
}

export interface Piece {
  status: Status;
  /** Shares of the strip. */
  from: number;
  width: number;
  /** Milliseconds; where the spell began, even before the strip. */
  since: number;
}

/** The spells of the last `span` milliseconds up to `end`, as shares of it. What was before the first change is left empty. */
export function pieces(changes: readonly StatusChange[], end: number, span: number): Piece[] {
  const start = end - span;
  return changes.flatMap((change, index) => {
    const since = Date.parse(change.at);
    const next = changes[index + 1];
    const from = Math.max(since, start);
    const to = Math.min(next === undefined ? end : Date.parse(next.at), end);
    return from < to ? [{ status: change.status, from: (from - start) / span, width: (to - from) / span, since }] : [];
  });
}

export const DAY = 86_400_000;

export function StatusStrip({ changes, span, label }: { changes: readonly StatusChange[]; span: number; label: string }) {
  const shown = pieces(changes, now.value.getTime(), span);
  const told = shown.map((piece) => t("strip.piece", { status: t(`status.${piece.status}`), time: clock(language.value, new Date(piece.since)) }));
  return (
    <svg class="status-strip" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={`${label}: ${told.join(", ") || t("strip.empty")}`}>
      {shown.map((piece) => (
        <rect key={piece.since} class={`at ${piece.status}`} x={100 * piece.from} y="0" width={100 * piece.width} height="4">
          <title>{`${t(`status.${piece.status}`)} · ${utc(new Date(piece.since))}`}</title>
        </rect>
      ))}
    </svg>
  );
}
