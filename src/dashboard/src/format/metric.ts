/** How each metric of a window reads: a share of all, a score, or a quantity in the model's own unit. */

import { decimal, duration, interval, percent, percentRange, type Locale } from "./number";

const SHARES = new Set([
  "accuracy", "balanced_accuracy", "error_rate", "precision", "recall", "f1", "precision_macro", "recall_macro", "f1_macro",
  "precision_micro", "recall_micro", "f1_micro", "precision_weighted", "recall_weighted", "f1_weighted", "fpr", "fnr",
  "specificity", "mape", "coverage",
]);

/** `precision/<class>` and its like belong to the metric before the slash. */
export const familyOf = (metric: string): string => metric.split("/", 1)[0]!;
export const classOf = (metric: string): string | null => (metric.includes("/") ? metric.slice(metric.indexOf("/") + 1) : null);

export const isShare = (metric: string): boolean => SHARES.has(familyOf(metric));

/** `value` of `metric` as text; `–` if missing. */
export const metricText = (locale: Locale, metric: string, value: number | null | undefined): string =>
  isShare(metric) ? percent(locale, value) : decimal(locale, value);

/** The interval of `metric` as text; `–` if it has none. */
export const metricRange = (locale: Locale, metric: string, low: number | null, high: number | null): string =>
  isShare(metric) ? percentRange(locale, low, high) : interval(low, high, (value) => decimal(locale, value));

/** Figures in seconds. */
const TIMES = new Set(["response_time", "p50", "p95", "p99"]);

/** What a model is judged by as text: times with their unit, and else as any other metric. */
export const figureText = (locale: Locale, metric: string, value: number): string =>
  TIMES.has(metric) ? duration(locale, value) : metricText(locale, metric, value);

/** The interval of such a figure. */
export const rangeText = (locale: Locale, metric: string, low: number, high: number): string =>
  isShare(metric) ? percentRange(locale, low, high) : interval(low, high, (value) => figureText(locale, metric, value));
