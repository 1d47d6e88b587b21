import { expect, test } from "vitest";
import { change, quantity } from "./quantity";

test("a value reads in the unit of its series, and an unknown unit follows it as it is", () => {
  const read = (value: number | null, unit: string | null) => quantity("en", value, unit);
  expect(read(97.25, "percent")).toBe("97.3%");
  expect(read(0.5, "ratio")).toBe("50.0%");
  expect(read(0.25, "seconds")).toBe("250 ms");
  expect(read(250, "ms")).toBe("250 ms");
  expect(read(1_530_000, "bytes")).toBe("1.53 MB");
  expect(read(2_400_000, "bytes/s")).toBe("2.4 MB/s");
  expect(read(512, "bytes_per_second")).toBe("512 B/second");
  expect(read(12, "requests")).toBe("12 requests");
  expect(read(12, "km/h")).toBe("12 km/h");
  expect(read(12, null)).toBe("12");
  expect(read(-3, "percent")).toBe("−3%");
  expect(read(null, "percent")).toBe("–");
});

test("a change has its sign", () => {
  expect(change("en", 1_500_000, "bytes")).toBe("+1.5 MB");
  expect(change("en", -0.5, "percent")).toBe("−0.50%");
  expect(change("en", null, "bytes")).toBe("–");
});
