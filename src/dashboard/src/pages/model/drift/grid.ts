/** The heatmap as rows and places: which cell holds what, and where a key leads. Pure. */

import type { DriftWindow, WindowColumn } from "../../../api/drift";
import { seconds } from "../../../store/windows";

/** One window, or a stretch of time of which there is none. */
export interface Slot {
  key: string;
  start: string;
  end: string;
  /** `null` where nothing was predicted. */
  window: DriftWindow | null;
}

/** More empty windows in a row than this are one slot. */
const GAP_MAX = 3;

/**
 * The windows in order, with empty slots where there is none, so that distance is time. A window in which the reference was replaced comes
 * twice, once per reference, and has two slots.
 */
export function slotsOf(windows: readonly DriftWindow[]): Slot[] {
  const slots: Slot[] = [];
  const seen = new Map<string, number>();
  let expected: number | null = null;
  for (const window of windows) {
    const [start, end] = [seconds(window.start), seconds(window.end)];
    if (expected !== null) slots.push(...gap(expected, start, end - start));
    const nth = seen.get(window.start) ?? 0;
    seen.set(window.start, nth + 1);
    slots.push({ key: `${window.start} ${nth}`, start: window.start, end: window.end, window });
    expected = end;
  }
  return slots;
}

function gap(from: number, to: number, width: number): Slot[] {
  const empty = (start: number, end: number): Slot => {
    const [first, last] = [start, end].map((at) => new Date(at * 1000).toISOString()) as [string, string];
    return { key: `${first} gap`, start: first, end: last, window: null };
  };
  const missing = Math.round((to - from) / width);
  if (GAP_MAX < missing) return [empty(from, to)];
  return Array.from({ length: Math.max(0, missing) }, (_, nth) => empty(from + nth * width, from + (nth + 1) * width));
}

/** Lower ends of the steps of colour above the first. Custom watches from 0.1 and acts from 0.25 (Siddiqi, 2006). */
export const STEPS = [0.02, 0.05, 0.1, 0.25, 0.5] as const;

/** 0 to 5 by effect; `null` where there is too little to compare: that is neither good nor bad. */
export function step(cell: WindowColumn | null): number | null {
  const psi = cell?.psi ?? null;
  return psi === null ? null : STEPS.filter((least) => least <= psi).length;
}

export interface Place {
  row: number;
  slot: number;
}

/** Where `key` leads in a grid of `rows` × `slots`; `null` if it is no key of the grid. It stops at the edges. */
export function moved(from: Place, key: string, rows: number, slots: number, far = false): Place | null {
  const row = (to: number): Place => ({ ...from, row: Math.min(rows - 1, Math.max(0, to)) });
  const slot = (to: number): Place => ({ ...from, slot: Math.min(slots - 1, Math.max(0, to)) });
  switch (key) {
    case "ArrowUp":
      return row(from.row - 1);
    case "ArrowDown":
      return row(from.row + 1);
    case "PageUp":
      return row(from.row - 10);
    case "PageDown":
      return row(from.row + 10);
    case "ArrowLeft":
      return slot(from.slot - 1);
    case "ArrowRight":
      return slot(from.slot + 1);
    case "Home":
      return far ? { row: 0, slot: 0 } : slot(0);
    case "End":
      return far ? { row: rows - 1, slot: slots - 1 } : slot(slots - 1);
    default:
      return null;
  }
}
