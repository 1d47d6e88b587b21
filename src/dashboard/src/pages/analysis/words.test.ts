import { expect, test } from "vitest";
import { setLanguage } from "../../store/preferences";
import { finding } from "../../testing";
import { expectedText, findingText, scoreText, seriesText, unitOf } from "./words";

test("a series is told with its labels, a drift's as its page names the column, and a silence has none", () => {
  expect(seriesText(finding("a", { series: { name: "cpu", labels: { core: "0", host: "a" }, unit: null } }))).toBe('cpu {core="0", host="a"}');
  expect(seriesText(finding("a", { kind: "drift", series: { name: "feature/amount", labels: {}, unit: null } }))).toBe("amount");
  expect(seriesText(finding("a", { kind: "silence", series: null }))).toBe("");
});

test("a unit that was not published is read from the end of the name, where it stands in one", () => {
  const unit = (name: string, unit: string | null = null) => unitOf({ name, unit });
  expect([unit("disk_usage_percent"), unit("memory_bytes"), unit("x_bytes", "MiB"), unit("queue_length"), unitOf(null)]).toEqual(["percent", "bytes", "MiB", null, null]);
});

test("what was expected is a band, one end of it, a value, or nothing", () => {
  const said = (low: number | null, high: number | null, expected: number | null = null) => expectedText(finding("a", { low, high, expected }));
  expect([said(30, 60), said(null, 60), said(30, null), said(null, null, 45), said(null, null)]).toEqual([
    "expected 30–60%",
    "expected at most 60%",
    "expected at least 30%",
    "expected 45%",
    null,
  ]);
});

test("a deviation is told by its size and its side, and a drift by its effect alone", () => {
  expect(scoreText(finding("a", { score: -37.7 }))).toBe("37.7 usual deviations below what was expected");
  expect(scoreText(finding("a", { kind: "leak", score: 8.1 }))).toBe("Mann–Kendall z = 8.1");
  expect(scoreText(finding("a", { kind: "drift", score: 0.4 }))).toBeNull();
});

test("in English the server's sentence stands, in Korean one is built, and without figures the server's stands there too", () => {
  const anomaly = finding("a");
  expect(findingText(anomaly)).toBe(anomaly.text);
  setLanguage("ko");
  expect(findingText(anomaly)).toBe("cpu_usage_percent 값이 97%입니다. 예상 범위는 30–60%입니다.");
  expect(findingText({ ...anomaly, low: null })).toBe(anomaly.text);
  setLanguage("en");
});
