import { expect, test } from "vitest";
import { window } from "../testing";
import { markerAt, markersIn, stretches } from "./markers";

const marker = (at: number) => ({ at, detected: true, text: "amount: drift", open: () => undefined });

test("a marker belongs to the window it stands in, and to the later one on the line between two", () => {
  const at = Date.parse(window(1).start) / 1000;
  const markers = [marker(at)];
  expect(markersIn(markers, window(0))).toEqual([]);
  expect(markersIn(markers, window(1))).toEqual(markers);
});

test("a marker is hit at its triangle and not along its line, and of two the nearer one", () => {
  const chart = { valToPos: (at: number) => at * 2 };
  const markers = [marker(50), marker(52), marker(90)];
  expect(markerAt(chart, markers, 103, 5)).toBe(markers[1]);
  expect(markerAt(chart, markers, 95, 5)).toBe(markers[0]);
  expect(markerAt(chart, markers, 100, 80)).toBeNull();
  expect(markerAt(chart, markers, 140, 5)).toBeNull();
});

test("what goes on at the same time is shaded once", () => {
  const from = (at: number, until: number | null) => ({ ...marker(at), until });
  expect(stretches([from(50, 60), marker(55), from(55, 70), from(90, null)])).toEqual([
    { from: 50, until: 70 },
    { from: 90, until: Infinity },
  ]);
});
