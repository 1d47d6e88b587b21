import { expect, test } from "vitest";
import { backoffMs } from "./backoff";

test("the wait doubles up to fifteen seconds and half of it is chance", () => {
  expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 0))).toEqual([250, 500, 1000, 2000]);
  expect(backoffMs(0, 0.999)).toBeLessThan(500);
  expect(backoffMs(1_000, 0)).toBe(7_500);
  expect(backoffMs(1_000, 0.999)).toBeLessThan(15_000);
});
