import { expect, test } from "vitest";
import { metricRange, metricText } from "./metric";
import { count, decimal, duration, percent, percentRange, perSecond } from "./number";

const UNIT = { second: "/s", minute: "/min" };

test("missing is a dash and zero is a zero", () => {
  for (const show of [count, percent, decimal, duration] as const) {
    expect(show("en", null)).toBe("–");
    expect(show("en", undefined)).toBe("–");
    expect(show("en", NaN)).toBe("–");
  }
  expect(perSecond("en", null, UNIT)).toBe("–");
  expect(count("en", 0)).toBe("0");
  expect(percent("en", 0)).toBe("0%");
  expect(duration("en", 0)).toBe("0 ms");
  expect(perSecond("en", 0, UNIT)).toBe("0/s");
});

test("a share is never rounded onto nothing or all", () => {
  expect(percent("en", 0.9321)).toBe("93.2%");
  expect(percent("en", 0.9971)).toBe("99.71%");
  expect(percent("en", 0.999999)).toBe(">99.99%");
  expect(percent("en", 1)).toBe("100%");
  expect(percent("en", 0.0042)).toBe("0.42%");
  expect(percent("en", 0.000001)).toBe("<0.01%");
});

test("an interval has one unit and the same digits at both ends", () => {
  expect(percentRange("en", 0.91, 0.9512)).toBe("91.0–95.1%");
  expect(percentRange("en", 0.0012, 0.0075)).toBe("0.12–0.75%");
  expect(percentRange("en", 0.004, 0.021)).toBe("0.4–2.1%");
  expect(metricRange("en", "rmse", 2.1, 3.25)).toBe("2.1–3.25");
  expect(metricRange("en", "bias", -2.5, -1.5)).toBe("-2.5 – -1.5");
});

test("an interval with an end missing is missing", () => {
  expect(percentRange("en", null, 0.9)).toBe("–");
  expect(metricRange("en", "mae", 1, null)).toBe("–");
});

test("seconds take the unit that reads best", () => {
  expect(duration("en", 0.00034)).toBe("340 µs");
  expect(duration("en", 0.045)).toBe("45.0 ms");
  expect(duration("en", 1.234)).toBe("1.23 s");
  expect(duration("en", 60)).toBe("1 min");
  expect(duration("en", 125)).toBe("2 min 5 s");
  expect(duration("en", 11_400)).toBe("3 h 10 min");
  expect(duration("ko", 3600)).toBe("1시간");
});

test("slow rates are told per minute and big counts compactly", () => {
  expect(perSecond("en", 12.34, UNIT)).toBe("12.3/s");
  expect(perSecond("en", 0.02, UNIT)).toBe("1.20/min");
  expect(count("en", 12_345)).toBe("12,345");
  expect(count("en", 1_234_567)).toBe("1.235M");
  expect(count("ko", 1_234_567)).toBe("123.5만");
});

test("a metric reads as a share or as a figure, per class too", () => {
  expect(metricText("en", "recall/fraud", 0.5)).toBe("50.0%");
  expect(metricText("en", "roc_auc", 0.92345)).toBe("0.923");
  expect(metricText("en", "mae", 18_234.5)).toBe("18,235");
});
