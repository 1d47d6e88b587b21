import { expect, test } from "vitest";
import type { Bin } from "../../../api/drift";
import { calmOrder } from "../../../shell/calm";
import { columnReport, driftWindow } from "../../../testing";
import { moved, slotsOf, step } from "./grid";
import { ranked } from "./order";
import { foremost, pairsOf, tallest } from "./shares";

const judged = (evidence: number) => ({ psi: 0.2, jensen_shannon: 0.1, evidence, needed: 12.8, missing_change: 0, drift: false, against: "reference" as const });

test("columns that drift come first, then by evidence, and what could not be judged comes last", () => {
  const columns = [
    columnReport("unknown", { status: "no_data", judged: null }),
    columnReport("evident", { judged: judged(300) }),
    columnReport("calm", { judged: judged(0.5) }),
    columnReport("drifts", { status: "drift", judged: judged(14) }),
    columnReport("drifts more", { status: "drift", judged: judged(90) }),
  ];
  expect(ranked(columns).map((each) => each.name)).toEqual(["drifts more", "drifts", "evident", "calm", "unknown"]);
});

test("nothing changes its place under a reader, but other columns count at once", () => {
  expect(calmOrder(["a", "b"], ["b", "a"], true)).toEqual(["a", "b"]);
  expect(calmOrder(["a", "b"], ["b", "a"], false)).toEqual(["b", "a"]);
  expect(calmOrder(["a", "b"], ["c", "a"], true)).toEqual(["c", "a"]);
  expect(calmOrder(["a", "b"], ["b"], true)).toEqual(["b"]);
});

test("the grid keeps distance in time: one empty slot per missing window, and one for a long silence", () => {
  const slots = slotsOf([driftWindow(0), driftWindow(10), driftWindow(30), driftWindow(300)]);
  expect(slots.map((slot) => slot.window !== null)).toEqual([true, true, false, true, false, true]);
  expect(slots[2]!.start).toBe(driftWindow(20).start);
  expect([slots[4]!.start, slots[4]!.end]).toEqual([driftWindow(40).start, driftWindow(300).start]);
});

test("a window of two references has two slots with names of their own", () => {
  const keys = slotsOf([driftWindow(0), driftWindow(0), driftWindow(10)]).map((slot) => slot.key);
  expect(new Set(keys).size).toBe(3);
});

test("a cell is coloured by effect, and one with too little data has no colour at all", () => {
  const cell = (psi: number | null) => driftWindow(0, { a: { psi } }).columns["a"]!;
  expect([0, 0.02, 0.0999, 0.1, 0.25, 3].map((psi) => step(cell(psi)))).toEqual([0, 1, 2, 3, 4, 5]);
  expect(step(cell(null))).toBeNull();
  expect(step(null)).toBeNull();
});

test("arrow keys move through the grid and stop at its edges", () => {
  const at = { row: 0, slot: 5 };
  expect(moved(at, "ArrowUp", 3, 6)).toEqual(at);
  expect(moved(at, "ArrowRight", 3, 6)).toEqual(at);
  expect(moved(at, "ArrowLeft", 3, 6)).toEqual({ row: 0, slot: 4 });
  expect(moved(at, "PageDown", 3, 6)).toEqual({ row: 2, slot: 5 });
  expect(moved(at, "Home", 3, 6)).toEqual({ row: 0, slot: 0 });
  expect(moved({ row: 1, slot: 1 }, "End", 3, 6, true)).toEqual({ row: 2, slot: 5 });
  expect(moved(at, "a", 3, 6)).toBeNull();
});

const category = (name: string, reference: number, current: number): Bin => ({ name, low: null, high: null, reference, current });
const numbers = (low: number, reference: number, current: number): Bin => ({ name: null, low, high: low + 1, reference, current });

test("a histogram compares shares, and a side without values has none", () => {
  const pairs = pairsOf([numbers(0, 900, 30), numbers(1, 100, 30)]);
  expect(pairs.map((pair) => [pair.reference, pair.current])).toEqual([[0.9, 0.5], [0.1, 0.5]]);
  expect(tallest(pairs)).toBe(0.9);
  expect(pairsOf([numbers(0, 9, 0)])[0]!.current).toBeNull();
});

test("bins of numbers stay in order, and of many categories the small ones are put together", () => {
  expect(foremost(pairsOf([numbers(0, 1, 1), numbers(1, 9, 9)]), 1).pairs.map((pair) => pair.bin.low)).toEqual([0, 1]);
  const { pairs, rest, restCount } = foremost(pairsOf([category("a", 1, 1), category("b", 6, 1), category("c", 2, 7), category("d", 1, 1)]), 3);
  expect(pairs.map((pair) => pair.bin.name)).toEqual(["c", "b"]);
  expect([rest?.bin.reference, rest?.reference, restCount]).toEqual([2, 0.2, 2]);
});
