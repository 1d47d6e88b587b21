import { expect, test } from "vitest";
import { wayOf } from "./evidence";

test("evidence goes its way by its logarithm, from 1 to the threshold", () => {
  expect(wayOf({ value: 1, threshold: 100 })).toBe(0);
  expect(wayOf({ value: 0.2, threshold: 100 })).toBe(0);
  expect(wayOf({ value: 10, threshold: 100 })).toBeCloseTo(0.5);
  expect(wayOf({ value: 100, threshold: 100 })).toBe(1);
  expect(wayOf({ value: 1e30, threshold: 100 })).toBe(1);
  expect(wayOf({ value: Number.NaN, threshold: 100 })).toBe(0);
});
