/** From windows to the columns a chart draws: gaps where there is no data, open windows apart from closed ones. */

import type { Estimate, Window } from "../api/types";
import type { Windows } from "../store/windows";

export type Column = (number | null)[];

export interface Slots {
  /** Unix seconds, ascending. */
  x: number[];
  /** `null` in a gap. */
  windows: (Window | null)[];
}

/**
 * One slot per window, and one empty slot where consecutive windows are further apart than `width` seconds, so that a line
 * breaks there instead of inventing what happened between.
 */
export function slotsOf(windows: Windows, width: number): Slots {
  const slots: Slots = { x: [], windows: [] };
  let expected: number | null = null;
  for (const { start, window } of windows) {
    if (expected !== null && expected < start) {
      slots.x.push(expected);
      slots.windows.push(null);
    }
    slots.x.push(start);
    slots.windows.push(window);
    expected = start + width;
  }
  return slots;
}

/** A value per slot; `null` in gaps and where the window has no such figure. */
export const columnOf = (slots: Slots, read: (window: Window) => number | null): Column =>
  slots.windows.map((window) => (window === null ? null : finite(read(window))));

/** The part of `column` in closed windows. */
export const closedPart = (slots: Slots, column: Column): Column =>
  column.map((value, index) => (slots.windows[index]?.closed === true ? value : null));

/** The part in open windows, joined to the closed point before it so that the provisional line has somewhere to start. */
export function openPart(slots: Slots, column: Column): Column {
  return column.map((value, index) => {
    const window = slots.windows[index];
    if (!window) return null;
    if (!window.closed) return value;
    return slots.windows[index + 1]?.closed === false ? value : null;
  });
}

/** `undefined` and NaN are missing too. */
export const finite = (value: number | null | undefined): number | null =>
  value !== null && value !== undefined && Number.isFinite(value) ? value : null;

export const estimateOf = (window: Window, metric: string): Estimate | null => window.metrics[metric] ?? null;

/** What the metric is expected to be, before labels say. */
export const expectedOf = (window: Window, metric: string): Estimate | null => window.estimated?.[metric] ?? null;

/** The metric with an interval that holds however often one looks; `null` where there is no such interval. */
export const alwaysValidOf = (window: Window, metric: string): Estimate | null => window.always_valid?.[metric] ?? null;

/** Predictions per second over the window; while it is open, over the time it has run until `now` (Unix seconds). */
export function throughputOf(window: Window, now: number): number | null {
  const start = Date.parse(window.start) / 1000;
  const end = Date.parse(window.end) / 1000;
  const width = (window.closed ? end : Math.min(end, Math.max(now, start + 1))) - start;
  return 0 < width ? window.predictions / width : null;
}

/** The slot nearest to `at` (Unix seconds) that holds a window; `null` if none does. */
export function nearestSlot(slots: Slots, at: number): number | null {
  let best: number | null = null;
  for (let index = 0; index < slots.x.length; index++) {
    if (slots.windows[index] === null) continue;
    if (best === null || Math.abs(slots.x[index]! - at) < Math.abs(slots.x[best]! - at)) best = index;
  }
  return best;
}

/** The next slot with a window, `step` windows away in either direction, stopping at the ends. */
export function stepSlot(slots: Slots, from: number | null, step: number): number | null {
  const filled = slots.windows.flatMap((window, index) => (window === null ? [] : [index]));
  if (filled.length === 0) return null;
  const place = from === null ? (step < 0 ? filled.length : -1) : filled.indexOf(from);
  return filled[Math.min(filled.length - 1, Math.max(0, place + step))]!;
}
