import { expect, test } from "vitest";
import { analysisOf, finding } from "../../testing";
import { newer } from "../../store/analysis";
import { arrange, barOf, openOf, type Entry } from "./order";

const ALL = { text: "", kind: null };
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString();
const idsOf = (entries: Entry[]): string[] => entries.map((entry) => entry.id);

test("what is critical comes first, then what is newest, and what is over comes by when it ended", () => {
  const { open, closed } = arrange(
    analysisOf([
      finding("old", { started_at: at(1) }),
      finding("new", { started_at: at(9) }),
      finding("worst", { started_at: at(0), severity: "critical" }),
      finding("over", { state: "closed", ended_at: at(5) }),
      finding("just over", { state: "closed", ended_at: at(7) }),
    ]),
    ALL,
  );
  expect(idsOf(open)).toEqual(["worst", "new", "old"]);
  expect(closed.map((each) => each.id)).toEqual(["just over", "over"]);
});

const together = [{ started_at: at(2), first: "b", findings: ["a", "b", "c"], sources: 2, correlation: 0.9 }];
const three = [finding("a", { started_at: at(3) }), finding("b", { started_at: at(2), name: "db-01", severity: "critical" }), finding("c", { started_at: at(4), kind: "leak" })];

test("findings that moved together are one entry, as bad as the worst of them, the first mover first", () => {
  const { open } = arrange(analysisOf([finding("alone", { started_at: at(20) }), ...three], together), ALL);
  expect(idsOf(open)).toEqual(["together b", "alone"]);
  const entry = open[0]!;
  if (!("group" in entry)) throw new Error("no group");
  expect(entry.group.members.map((each) => each.id)).toEqual(["b", "a", "c"]);
  expect([entry.group.severity, entry.group.total]).toEqual(["critical", 3]);
});

test("a filter holds inside groups, and a group without a match is not shown", () => {
  const shown = (selection: Parameters<typeof arrange>[1]) =>
    arrange(analysisOf(three, together), selection).open.map((entry) => ("group" in entry ? entry.group.members.map((each) => each.id) : entry.id));
  expect(shown({ text: "DB", kind: null })).toEqual([["b"]]);
  expect(shown({ text: "", kind: "leak" })).toEqual([["c"]]);
  expect(shown({ text: "", kind: "silence" })).toEqual([]);
});

test("a silence is of no series, and is found by its source", () => {
  const silent = analysisOf([finding("a", { kind: "silence", name: "db-01", series: null })]);
  expect(arrange(silent, { text: "db", kind: "silence" }).open).toHaveLength(1);
  expect(arrange(silent, { text: "cpu", kind: null }).open).toHaveLength(0);
});

test("what is left of a group that is over is told one by one, and an id nobody knows is passed over", () => {
  const over = three.map((each) => ({ ...each, state: "closed" as const, ended_at: at(30) }));
  expect(arrange(analysisOf(over, together), ALL)).toMatchObject({ open: [], closed: [{ id: "a" }, { id: "b" }, { id: "c" }] });
  expect(idsOf(arrange(analysisOf([three[0]!], together), ALL).open)).toEqual(["a"]);
});

test("open findings of a kind are those the server counts, else those in the list", () => {
  const analysis = analysisOf([finding("a", { kind: "drift" }), finding("b", { kind: "drift", state: "closed" })]);
  expect(openOf({ ...analysis, summary: { ...analysis.summary, by_kind: { anomaly: 40 } } }, "anomaly")).toBe(40);
  expect(openOf({ ...analysis, summary: { ...analysis.summary, by_kind: {} } }, "drift")).toBe(1);
});

test("a bar shows the value against the band, in and out of it, and nothing where there is nothing to compare", () => {
  const bar = barOf({ value: 100, expected: 50, low: 40, high: 60 })!;
  expect(bar.band!.from).toBeCloseTo(0.08);
  expect(bar.value).toBeCloseTo(0.92);
  expect(bar.band!.to).toBeLessThan(bar.value);
  expect(bar.expected).toBeCloseTo((bar.band!.from + bar.band!.to) / 2);
  expect(barOf({ value: 9, expected: null, low: null, high: 5 })!.band).toEqual({ from: 0, to: 0.08 });
  expect(barOf({ value: null, expected: 5, low: 1, high: 9 })).toBeNull();
  expect(barOf({ value: 5, expected: 5, low: null, high: null })).toBeNull();
});

test("of two answers of one epoch the later counts; another epoch counts at once", () => {
  const [first, later] = [analysisOf([], [], { position: 5 }), analysisOf([], [], { position: 9 })];
  expect(newer(null, first)).toBe(first);
  expect(newer(later, first)).toBe(later);
  expect(newer(first, later)).toBe(later);
  expect(newer(later, { ...first, epoch: 2 }).position).toBe(5);
});
