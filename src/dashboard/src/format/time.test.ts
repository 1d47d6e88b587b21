import { expect, test } from "vitest";
import { ago, utc } from "./time";

const AT = new Date("2026-01-01T12:00:00Z");
const later = (seconds: number): Date => new Date(AT.getTime() + seconds * 1000);

test("how long ago is told in the largest unit that is at least one", () => {
  expect(ago("en", AT, later(12))).toBe("12 sec. ago");
  expect(ago("en", AT, later(150))).toBe("2 min. ago");
  expect(ago("en", AT, later(90_000))).toBe("1 day ago");
  expect(ago("ko", AT, later(150))).toBe("2분 전");
});

test("a moment ago, or a clock that runs ahead, is now", () => {
  expect(ago("en", AT, later(3))).toBe("now");
  expect(ago("en", AT, later(-30))).toBe("now");
});

test("UTC is written out", () => {
  expect(utc(AT)).toBe("2026-01-01 12:00:00 UTC");
});
