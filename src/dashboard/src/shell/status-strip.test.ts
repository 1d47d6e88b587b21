import { expect, test } from "vitest";
import { pieces, spellsOf } from "./status-strip";

const END = Date.parse("2026-01-02T00:00:00Z");
const DAY = 86_400_000;

test("a strip shows spells as shares of its time, cut at its beginning and lasting until its end", () => {
  const changes = [
    { at: "2025-12-31T12:00:00Z", status: "healthy" as const },
    { at: "2026-01-01T12:00:00Z", status: "critical" as const },
    { at: "2026-01-01T18:00:00Z", status: "healthy" as const },
  ];
  expect(pieces(changes, END, DAY).map(({ status, from, width }) => [status, from, width])).toEqual([
    ["healthy", 0, 0.5],
    ["critical", 0.5, 0.25],
    ["healthy", 0.75, 0.25],
  ]);
});

test("what nothing is known of stays empty, and what is over is left out", () => {
  expect(pieces([], END, DAY)).toEqual([]);
  const changes = [
    { at: "2025-12-30T00:00:00Z", status: "critical" as const },
    { at: "2025-12-31T00:00:00Z", status: "healthy" as const },
  ];
  expect(pieces(changes, END, DAY).map((piece) => piece.status)).toEqual(["healthy"]);
});

test("letters of neighbours that are alike are one spell, and a dash is nobody's status", () => {
  const hour = 3_600_000;
  expect(spellsOf("-hhc", 10, hour)).toEqual([
    { at: 7 * hour, end: 8 * hour, status: null },
    { at: 8 * hour, end: 10 * hour, status: "healthy" },
    { at: 10 * hour, end: 11 * hour, status: "critical" },
  ]);
});
