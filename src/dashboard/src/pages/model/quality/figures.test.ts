import { expect, test } from "vitest";
import { columnReport, driftWindow, profileOf } from "../../../testing";
import { applies, risen, share, trend, trouble, troubleOver, worstFirst } from "./figures";

test("missing values are a share of the rows, values out of range one of the values", () => {
  const side = profileOf({ rows: 200, present: 100, missing: 90, mismatched: 10, out_of_range: 20 });
  expect([share(200, side, "missing"), share(200, side, "mismatched"), share(200, side, "out_of_range")]).toEqual([0.45, 0.05, 0.2]);
  expect(trouble(200, side)).toBe(0.6);
});

test("a share of nothing is missing and not zero", () => {
  const empty = profileOf({ rows: 0, present: 0 });
  expect([share(0, empty, "missing"), share(600, empty, "new_category"), trouble(0, empty)]).toEqual([null, null, null]);
});

test("only numbers can be out of range and only categories new", () => {
  expect([applies("numeric", "out_of_range"), applies("categorical", "out_of_range")]).toEqual([true, false]);
  expect([applies("numeric", "new_category"), applies("categorical", "new_category"), applies("identifier", "missing")]).toEqual([false, true, true]);
});

test("the column in which trouble has grown most comes first, one of which nothing is known last", () => {
  const columns = [
    columnReport("unknown", { current: profileOf({ rows: 0, present: 0 }) }),
    columnReport("always bad", { reference: profileOf({ missing: 300 }), current: profileOf({ missing: 300 }) }),
    columnReport("worse", { current: profileOf({ missing: 60 }) }),
  ];
  expect(worstFirst(columns).map((each) => each.name)).toEqual(["worse", "always bad", "unknown"]);
});

test("a trend breaks where a window has no rows, and a calm one stays at the bottom", () => {
  const windows = [driftWindow(0, { a: {} }), driftWindow(10, {}, { predictions: 0 }), driftWindow(20, { a: { missing: 60 } }), driftWindow(30, { a: { missing: 30 } })];
  const values = troubleOver(windows, "a");
  expect(values).toEqual([0, null, 0.1, 0.05]);
  const { line, dots } = trend(values, 100, 20);
  expect(line.match(/M/g)).toHaveLength(1);
  expect(dots).toHaveLength(2);
  expect(trend([0, 0.001], 100, 20).dots[0]!.y).toBeGreaterThan(17);
});

test("a rise is told only if it matters and is more than chance: one odd row of sixty is neither", () => {
  expect(risen(0, 1000, 1, 60)).toBe(false);
  expect(risen(20, 1000, 180, 600)).toBe(true);
  expect(risen(20_000, 1_000_000, 25_000, 1_000_000)).toBe(false);
  expect(risen(0, 0, 5, 10)).toBe(false);
});
