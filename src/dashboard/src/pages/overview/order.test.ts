import { expect, test } from "vitest";
import type { Current } from "../../api/types";
import { model } from "../../testing";
import { arrange, summarise, type Selection } from "./order";
import { visibleRows } from "./use-visible";

const none = { value: null, low: null, high: null, n: 0 };
const current = (accuracy: number | null, throughput: number | null = null): Current => ({
  start: "2026-01-01T00:00:00Z", end: "2026-01-01T00:05:00Z", predictions: 1, errors: 0, labelled: 0,
  accuracy: { ...none, value: accuracy }, error_rate: none, p95_seconds: null, mean_response_time_seconds: null, throughput_per_second: throughput, coverage: null, confidence: null,
});
const world = new Map(
  [
    model("b10", { status: "healthy", current: current(0.9, 2) }),
    model("b9", { status: "critical", current: current(null) }),
    model("a", { status: "healthy", current: current(0.5, 3), stale: true }),
    model("c", { status: "warning" }),
  ].map((each) => [each.name, each]),
);
const all: Selection = { text: "", status: null, sort: "status", descending: false };

test("the worst come first, and names count their numbers", () => {
  expect(arrange(world, all)).toEqual(["b9", "c", "a", "b10"]);
  expect(arrange(world, { ...all, sort: "name", descending: true })).toEqual(["c", "b10", "b9", "a"]);
});

test("a model without the figure comes last whichever way the column points", () => {
  expect(arrange(world, { ...all, sort: "accuracy" })).toEqual(["a", "b10", "b9", "c"]);
  expect(arrange(world, { ...all, sort: "accuracy", descending: true })).toEqual(["b10", "a", "b9", "c"]);
});

test("filters narrow by name, by state and by staleness", () => {
  expect(arrange(world, { ...all, text: " B" })).toEqual(["b9", "b10"]);
  expect(arrange(world, { ...all, status: "warning" })).toEqual(["c"]);
  expect(arrange(world, { ...all, status: "stale" })).toEqual(["a"]);
});

test("the total rate leaves out stale models and is missing without any figure", () => {
  expect(summarise(world)).toMatchObject({ total: 4, stale: 1, throughput: 2, byStatus: { healthy: 2, critical: 1, warning: 1, training: 0 } });
  expect(summarise(new Map()).throughput).toBeNull();
});

test("only the rows on screen are built, wherever the page is scrolled to", () => {
  expect(visibleRows(300, 900, 58, 10_000)).toEqual({ first: 0, end: 17 });
  const middle = visibleRows(-290_000, 900, 58, 10_000);
  expect(middle.end - middle.first).toBeLessThan(40);
  expect(visibleRows(-10_000_000, 900, 58, 10)).toEqual({ first: 10, end: 10 });
});
