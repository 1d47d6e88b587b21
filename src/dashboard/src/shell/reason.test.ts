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
  label_delay: 4,
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
  const late: Reason = { ...accuracy, labelled: 0.12, label_delay: 10_800, mostly: null };
  language.value = "en";
  expect(reasonText(late, LATER)).toBe("Accuracy 63.0% (62.0–64.0%), floor 70.0%, for 18 min; 12.0% of predictions have labels; labels come 3 h later");
  language.value = "ko";
  expect(reasonText(late, LATER)).toBe("정확도 63.0% (62.0–64.0%), 하한 70.0%, 18분 동안; 예측의 12.0%만 정답이 있음; 정답은 3시간 뒤에 옴");
});

test("a warning above the floor says how near it is and never that it is higher than it must be", () => {
  const near: Reason = { ...accuracy, status: "warning", value: 0.71, low: 0.705, high: 0.715, mostly: null };
  language.value = "en";
  expect(reasonText(near, LATER)).toBe("Accuracy 71.0% (70.5–71.5%), floor 70.0%, within 2 points of it, for 18 min");
  language.value = "ko";
  expect(reasonText(near, LATER)).toBe("정확도 71.0% (70.5–71.5%), 하한 70.0%, 임계값까지 2%p 이내, 18분 동안");
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
