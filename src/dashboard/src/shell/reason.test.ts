import { afterEach, expect, test } from "vitest";
import type { Reason } from "../api/types";
import { language } from "../store/preferences";
import { reasonText } from "./reason";

const SINCE = "2026-01-01T00:00:00Z";
const LATER = Date.parse(SINCE) + 18 * 60_000;

const accuracy: Reason = {
  code: "accuracy",
  status: "critical",
  message: "",
  metric: "accuracy",
  value: 0.63,
  low: 0.62,
  high: 0.64,
  n: 5000,
  needed: null,
  of: null,
  threshold: 0.7,
  margin: 0.02,
  direction: "below",
  since: SINCE,
  window: SINCE,
  labelled: 1,
  label_delay_seconds: 4,
  mostly: { name: "channel", value: "app", share: 0.8 },
};

afterEach(() => {
  language.value = "en";
});

test("a reason tells figure, interval, threshold, since when and the segment, in both languages", () => {
  language.value = "en";
  expect(reasonText(accuracy, LATER)).toBe("Accuracy 63.0% (62.0–64.0%), floor 70.0%, for 18 min; mostly channel=app");
  language.value = "ko";
  expect(reasonText(accuracy, LATER)).toBe("정확도 63.0% (62.0–64.0%), 하한 70.0%, 18분 동안; 주로 channel=app");
});

test("few and late labels are said where they matter", () => {
  const late: Reason = { ...accuracy, labelled: 0.12, label_delay_seconds: 10_800, mostly: null };
  language.value = "en";
  expect(reasonText(late, LATER)).toBe("Accuracy 63.0% (62.0–64.0%), floor 70.0%, for 18 min; 12.0% of predictions have labels; labels come 3 h later");
  language.value = "ko";
  expect(reasonText(late, LATER)).toBe("정확도 63.0% (62.0–64.0%), 하한 70.0%, 18분 동안; 예측의 12.0%만 정답이 있음; 정답은 3시간 뒤에 옴");
});

test("a warning above the floor says how near it is and never that it is higher than it must be", () => {
  const near: Reason = { ...accuracy, status: "warning", value: 0.71, low: 0.705, high: 0.715, mostly: null };
  language.value = "en";
  expect(reasonText(near, LATER)).toBe("Accuracy 71.0% (70.5–71.5%), floor 70.0%, its interval reaches within 2 points of it, for 18 min");
  language.value = "ko";
  expect(reasonText(near, LATER)).toBe("정확도 71.0% (70.5–71.5%), 하한 70.0%, 구간이 임계값에서 2%p 이내까지 닿음, 18분 동안");
});

test("failures are called failures, and too little data says of what", () => {
  language.value = "en";
  const failures: Reason = { ...accuracy, code: "error_rate", metric: "error_rate", direction: "above", value: 0.35, threshold: 0.1, low: null, high: null, mostly: null };
  expect(reasonText(failures, LATER)).toBe("Failures 35.0% (no interval), ceiling 10.0%, for 18 min");
  const few: Reason = { ...accuracy, code: "no_data", status: "unknown", value: null, n: 12, needed: 30, of: "labels" };
  expect(reasonText(few, LATER)).toBe("Not enough data: 12 of 30 labels in 7 days");
  language.value = "ko";
  expect(reasonText(few, LATER)).toBe("데이터 부족: 7일간 정답 30개 중 12개");
});

/** One reason of each kind, and what sets its sentence apart in English and in Korean. */
const KINDS: [kind: string, change: Partial<Reason>, english: string, korean: string][] = [
  ["beyond evidently", {}, "floor 70.0%, for 18 min", "하한 70.0%, 18분 동안"],
  ["beyond, not evidently", { status: "warning" }, "beyond it but not evidently", "아직 확실하지 않음"],
  ["near", { status: "warning", value: 0.71 }, "its interval reaches within 2 points of it", "구간이 임계값에서 2%p 이내까지 닿음"],
  ["near, a point", { status: "warning", value: 0.71, low: null, high: null }, "(no interval), floor 70.0%, within 2 points of it", "(구간 없음), 하한 70.0%, 임계값까지 2%p 이내"],
  ["not yet clear", { value: 0.72 }, "not yet clear of it", "아직 임계값을 확실히 벗어나지 못함"],
  ["above a ceiling", { code: "p95", metric: "p95", direction: "above", value: 0.4, threshold: 0.25, low: null, high: null }, "ceiling 250 ms", "상한 250"],
  ["few labels", { code: "no_data", status: "unknown", value: null, n: 12, needed: 30, of: "labels" }, "12 of 30 labels", "정답 30개 중 12개"],
  ["few predictions", { code: "no_data", status: "unknown", value: null, n: 12, needed: 30, of: "predictions" }, "12 of 30 predictions", "예측 30개 중 12개"],
  ["few samples", { code: "no_data", status: "unknown", value: null, n: 0, needed: 1, of: "samples" }, "0 of 1 samples", "샘플 1개 중 0개"],
  ["labels that have stopped", { code: "no_data", status: "unknown", value: null, needed: 1, of: "recent_labels" }, "No label for 18 min", "18분 동안 정답 없음"],
  ["stale", { code: "stale", status: "unknown", metric: null, value: 3420, threshold: null, direction: null }, "No prediction for 57 min", "57분 동안 예측 없음"],
  ["nothing judged", { code: "no_data", status: "unknown", metric: null, value: null, threshold: null, direction: null }, "Nothing judged yet", "아직 판정된 것이 없음"],
];

test.each(KINDS)("a reason of the kind '%s' has its sentence in both languages", (_, change, english, korean) => {
  const reason: Reason = { ...accuracy, mostly: null, ...change };
  language.value = "en";
  const inEnglish = reasonText(reason, LATER);
  language.value = "ko";
  const inKorean = reasonText(reason, LATER);
  expect(inEnglish).toContain(english);
  expect(inKorean).toContain(korean);
  expect(inEnglish + inKorean).not.toMatch(/[{}]/);
});
