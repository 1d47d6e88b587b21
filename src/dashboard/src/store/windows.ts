/** The windows of one model at one resolution, kept by start and merged from HTTP answers and live frames. */

import type { Window } from "../api/types";

export interface HeldWindow {
  window: Window;
  /** Unix seconds. */
  start: number;
  /** Stream sequence this window was read at: of two versions of a window the one read later wins. */
  seq: number;
}

/** Ascending by start. */
export type Windows = readonly HeldWindow[];

export const seconds = (time: string): number => Date.parse(time) / 1000;

/** Puts `incoming`, read at `seq`, among `held`; `from` and `to` (Unix seconds) drop what the view can no longer show. */
export function mergeWindows(held: Windows, incoming: readonly Window[], seq: number, from = -Infinity, to = Infinity): Windows {
  const byStart = new Map(held.map((each) => [each.start, each]));
  for (const window of incoming) {
    const start = seconds(window.start);
    const known = byStart.get(start);
    if (known === undefined || supersedes({ window, start, seq }, known)) byStart.set(start, { window, start, seq });
  }
  return [...byStart.values()].filter((each) => from <= each.start && each.start < to).sort((a, b) => a.start - b.start);
}

function supersedes(next: HeldWindow, known: HeldWindow): boolean {
  if (next.seq !== known.seq) return known.seq < next.seq;
  return known.window.revision <= next.window.revision;
}
