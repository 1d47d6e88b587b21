import { expect, test } from "vitest";
import { mergeWindows } from "../store/windows";
import { window } from "../testing";
import { closedPart, columnOf, nearestSlot, openPart, slotsOf, stepSlot, throughputOf } from "./columns";
import { yRange } from "./options";
import { resolutionFor } from "./resolution";
import type { TrailMinute } from "../api/overview";
import { trailOf } from "./trail";

const slots = (...windows: ReturnType<typeof window>[]) => slotsOf(mergeWindows([], windows, 1), 60);

test("the resolution is the finest that a chart can show", () => {
  expect([900, 3600, 21_600, 86_400, 604_800, 2_592_000, 31_536_000].map(resolutionFor)).toEqual([60, 60, 60, 300, 3600, 3600, 86_400]);
});

test("a gap in time becomes an empty slot, so that no line crosses it", () => {
  const { x, windows } = slots(window(0), window(1), window(5));
  expect(windows.map((each) => each !== null)).toEqual([true, true, false, true]);
  expect(x.map((at) => (at - x[0]!) / 60)).toEqual([0, 1, 2, 5]);
});

test("windows that follow each other have no gap between them", () => {
  expect(slots(window(0), window(1), window(2)).windows).not.toContain(null);
});

test("a figure that is missing is missing in the column and not zero", () => {
  const read = columnOf(slots(window(0, { coverage: null }), window(1, { coverage: 0 })), (each) => each.coverage);
  expect(read).toEqual([null, 0]);
});

test("open windows are drawn apart, from the closed point before them", () => {
  const held = slots(window(0), window(1), window(2, { closed: false }), window(3, { closed: false }));
  const column = [1, 2, 3, 4];
  expect(closedPart(held, column)).toEqual([1, 2, null, null]);
  expect(openPart(held, column)).toEqual([null, 2, 3, 4]);
});

test("the provisional line does not reach across a gap", () => {
  const held = slots(window(0), window(5, { closed: false }));
  expect(openPart(held, [1, null, 3])).toEqual([null, null, 3]);
});

test("the keyboard steps over gaps and stops at the ends", () => {
  const held = slots(window(0), window(1), window(5));
  expect(stepSlot(held, null, 1)).toBe(0);
  expect(stepSlot(held, 1, 1)).toBe(3);
  expect(stepSlot(held, 3, 1)).toBe(3);
  expect(stepSlot(held, 0, -1)).toBe(0);
  expect(stepSlot(held, null, -1)).toBe(3);
  expect(stepSlot(slots(), null, 1)).toBeNull();
});

test("the cursor finds the nearest window and never a gap", () => {
  const held = slots(window(0), window(1), window(9));
  expect(nearestSlot(held, held.x[0]! + 150)).toBe(1);
  expect(nearestSlot(held, held.x[0]! + 500)).toBe(3);
  expect(nearestSlot(slots(), 0)).toBeNull();
});

test("the rate of an open window is over the time it has run", () => {
  const open = window(0, { closed: false, predictions: 30 });
  const start = Date.parse(open.start) / 1000;
  expect(throughputOf(open, start + 10)).toBe(3);
  expect(throughputOf(open, start + 600)).toBe(0.5);
  expect(throughputOf(window(0, { predictions: 30 }), start + 10)).toBe(0.5);
});

test("an axis keeps within what is possible and shows the threshold", () => {
  expect(yRange(0.95, 1, { least: 0, most: 1 })[1]).toBe(1);
  expect(yRange(0.01, 0.02, { least: 0, most: 1, threshold: 0.1 })[1]).toBeGreaterThan(0.1);
  expect(yRange(null, null, { least: 0, most: 1, threshold: 0.7 })).toEqual([0, 1]);
  expect(yRange(5, 9, { least: 0, most: Infinity, zero: true })[0]).toBe(0);
});

test("a trail without labels is no line, and one with a gap is two", () => {
  const point = (minute: number, accuracy: number | null): TrailMinute => [minute, accuracy, accuracy === null ? 0 : 9];
  expect(trailOf([point(0, null)], 120, 30)).toBeNull();
  const trail = trailOf([point(0, 0.9), point(1, 0.8), point(2, null), point(3, 0.7), point(4, 0.9)], 120, 30);
  expect(trail?.line.match(/M/g)).toHaveLength(2);
  expect(trail).toMatchObject({ first: 0.9, last: 0.9, low: 0.7, high: 0.9 });
});
