import { expect, test } from "vitest";
import { effect, nats, oneIn, points, pValue } from "./drift";

test("a figure that is missing is missing and not zero", () => {
  for (const show of [effect, nats, pValue, points]) expect([show("en", null), show("en", Number.NaN)]).toEqual(["–", "–"]);
});

test("an effect has two digits and is never rounded to nothing", () => {
  expect([0, 0.001, 0.005, 0.314, 9.994, 12.34].map((value) => effect("en", value))).toEqual(["0.00", "<0.01", "0.01", "0.31", "9.99", "12.3"]);
});

test("evidence has one digit until it is beyond doubt", () => {
  expect([0, 12.849, 99.94, 1234.5].map((value) => nats("en", value))).toEqual(["0.0", "12.8", "99.9", "1,235"]);
});

test("a p-value is told by its power of ten where digits would hide it, and never as zero", () => {
  expect([0.5, 0.0123, 0.00012, 2.6e-6, 0].map((value) => pValue("en", value))).toEqual(["0.500", "0.012", "1.2E-4", "2.6E-6", "<1E-300"]);
});

test("a difference of shares is in percentage points with its sign", () => {
  expect([0.0123, -0.2, 0.0004, 0].map((value) => points("en", value))).toEqual(["+1.2", "-20.0", "+0.04", "0.00"]);
});

test("nats are told as one in how many", () => {
  expect(oneIn("en", 12.85)).toBe("380,000");
  expect(oneIn("en", 0)).toBe("1");
});
