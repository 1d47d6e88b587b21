import { expect, test } from "vitest";
import type { OverviewRow } from "../api/overview";
import { frame } from "../testing";
import { foldOverview, noOverview, withPoints } from "./overview";

const row = (name: string): Partial<OverviewRow> & { name: string } => ({ name, status: "healthy", predictions: 1, trail: [[10, 0.5, 4]] });
const list = (first: number, lines: string[]) => ({ first, lines_total: 100, models_total: 100, lines });
const snapshot = frame("snapshot", 5, { list: list(0, ["a", "b"]), rows: [row("a"), row("b")] }, 1, "overview");
const change = (data: unknown, epoch = 1) => frame("change", 6, data, epoch, "overview");

test("a change touches the fields it names and adds the points it brings", () => {
  const before = foldOverview(noOverview, snapshot).state;
  const { state } = foldOverview(before, change({ rows: [{ name: "a", predictions: 2, trail_add: [[11, 1, 1]] }] }));
  expect(state.rows.get("a")).toMatchObject({ status: "healthy", predictions: 2, trail: [[10, 0.5, 4], [11, 1, 1]] });
  expect(state.rows.get("b")).toBe(before.rows.get("b"));
  expect(state.list).toBe(before.list);
});

test("rows that left the view are kept for one list and then forgotten", () => {
  const moved = foldOverview(foldOverview(noOverview, snapshot).state, change({ list: list(1, ["b", "c"]), rows: [row("c")] })).state;
  expect([...moved.rows.keys()]).toEqual(["a", "b", "c"]);
  const again = foldOverview(moved, change({ list: list(2, ["c", "d"]), rows: [row("d")] })).state;
  expect([...again.rows.keys()]).toEqual(["b", "c", "d"]);
});

test("a difference to a row that is not held is passed over, and one of another epoch asks for everything", () => {
  const held = foldOverview(noOverview, snapshot).state;
  expect(foldOverview(held, change({ rows: [{ name: "z", predictions: 2 }] })).state.rows.has("z")).toBe(false);
  expect(foldOverview(held, change({ rows: [] }, 2)).verdict).toBe("resync");
});

test("a corrected minute replaces the one before, and an hour is kept", () => {
  const hour = Array.from({ length: 60 }, (_, minute) => [minute, 1, 1] as [number, number, number]);
  const next = withPoints(hour, [[60, 0.5, 2], [30, 0, 3]]);
  expect(next).toHaveLength(60);
  expect([next[0]![0], next[29], next[59]]).toEqual([1, [30, 0, 3], [60, 0.5, 2]]);
});
