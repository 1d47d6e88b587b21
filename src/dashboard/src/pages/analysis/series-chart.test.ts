import { expect, test } from "vitest";
import { shapeOf } from "./series-chart";

const trail = { end: "2026-01-01T00:30:00Z", step_seconds: 60, values: [1, 2, 3] };

test("the line and its band share one scale, and a band that is open reaches to the edge", () => {
  const shape = shapeOf(trail, 1, null, null)!;
  expect(shape.line).toBe("M4 52L120 28L236 4");
  expect(shape.band).toEqual({ top: 0, bottom: 52 });
  expect(shapeOf({ ...trail, values: [1] }, null, null, null)).toBeNull();
});

test("the beginning is marked where it lies in the picture", () => {
  expect(shapeOf(trail, null, null, Date.parse("2026-01-01T00:29:00Z"))!.since).toBe(120);
  expect(shapeOf(trail, null, null, Date.parse("2025-12-31T00:00:00Z"))!.since).toBeNull();
});
