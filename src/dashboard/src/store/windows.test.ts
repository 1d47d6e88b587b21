import { expect, test } from "vitest";
import { window } from "../testing";
import { mergeWindows, seconds } from "./windows";

const starts = (windows: ReturnType<typeof mergeWindows>): string[] => windows.map((each) => each.window.start.slice(11, 16));

test("windows are kept by start and in order, however they arrive", () => {
  const once = mergeWindows([], [window(3), window(1)], 5);
  expect(starts(mergeWindows(once, [window(2), window(0)], 6))).toEqual(["00:00", "00:01", "00:02", "00:03"]);
});

test("a window read later replaces the same window read earlier, and not the other way round", () => {
  const open = mergeWindows([], [window(0, { closed: false, predictions: 10 })], 5);
  const closed = mergeWindows(open, [window(0, { predictions: 20 })], 9);
  expect(closed[0]?.window.predictions).toBe(20);
  expect(mergeWindows(closed, [window(0, { closed: false, predictions: 15 })], 7)[0]?.window.predictions).toBe(20);
});

test("at the same position the higher revision wins", () => {
  const held = mergeWindows([], [window(0, { revision: 2, labelled: 7 })], 5);
  expect(mergeWindows(held, [window(0, { revision: 1 })], 5)[0]?.window.labelled).toBe(7);
  expect(mergeWindows(held, [window(0, { revision: 3, labelled: 8 })], 5)[0]?.window.labelled).toBe(8);
});

test("what a sliding range has left behind is dropped", () => {
  const held = mergeWindows([], [window(0), window(1)], 5);
  expect(starts(mergeWindows(held, [window(2)], 6, seconds(window(1).start)))).toEqual(["00:01", "00:02"]);
});
