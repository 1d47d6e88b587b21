/** What the status of a model has been, as a strip: time runs to the right and ends now. */

import type { StripLetters } from "../api/overview";
import type { Status } from "../api/types";
import { clock, day, utc } from "../format/time";
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
const HOUR = 3_600_000;

const LETTERS: Record<string, Status | undefined> = { h: "healthy", u: "unknown", w: "warning", c: "critical" };

/** The status of each stretch of a strip of letters, as spells: neighbours that are alike are one. `newest`: its number since 1970. */
export function spellsOf(letters: string, newest: number, width: number): { at: number; end: number; status: Status | null }[] {
  const first = newest - letters.length + 1;
  const spells: { at: number; end: number; status: Status | null }[] = [];
  [...letters].forEach((letter, place) => {
    const status = LETTERS[letter] ?? null;
    const at = (first + place) * width;
    const last = spells.at(-1);
    if (last !== undefined && last.status === status) last.end = at + width;
    else spells.push({ at, end: at + width, status });
  });
  return spells;
}

/** The strips of a row of the overview: the worst status of each of the last 24 hours, and of each of the last 30 days. */
export function RowStrips({ strip: [hour, hours, day, days] }: { strip: StripLetters }) {
  return (
    <span class="row-strips">
      <LetterStrip letters={hours} newest={hour} width={HOUR} label={t("strip.day")} />
      <LetterStrip letters={days} newest={day} width={DAY} label={t("strip.month")} />
    </span>
  );
}

function LetterStrip({ letters, newest, width, label }: { letters: string; newest: number; width: number; label: string }) {
  const begin = (newest - letters.length + 1) * width;
  const spells = spellsOf(letters, newest, width).filter((spell) => spell.status !== null);
  const time = (at: number): string => (width < DAY ? clock(language.value, new Date(at)) : day(language.value, new Date(at)));
  const told = spells.map(({ status, at }) => t("strip.piece", { status: t(`status.${status!}`), time: time(at) }));
  const text = `${label}: ${told.join(", ") || t("strip.empty")}`;
  return (
    <svg class="status-strip" viewBox={`0 0 ${letters.length} 4`} preserveAspectRatio="none" role="img" aria-label={text}>
      <title>{text}</title>
      {spells.map(({ at, end, status }) => (
        <rect key={at} class={`at ${status}`} x={(at - begin) / width} y="0" width={(end - at) / width} height="4" />
      ))}
    </svg>
  );
}

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
