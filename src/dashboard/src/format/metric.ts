/** How each metric of a window reads: a share of all, a score, or a quantity in the model's own unit. */

import { decimal, interval, percent, percentRange, type Locale } from "./number";

const SHARES = new Set([
  "accuracy", "balanced_accuracy", "error_rate", "precision", "recall", "f1", "precision_macro", "recall_macro", "f1_macro",
  "precision_micro", "recall_micro", "f1_micro", "precision_weighted", "recall_weighted", "f1_weighted", "fpr", "fnr",
  "specificity", "mape", "smape",
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
