/** Why a model has its state, in the reader's language. */

import type { Reason } from "../api/types";
import { duration } from "../format/number";
import { metricText } from "../format/metric";
import { isKey, metricName, t } from "../i18n";
import { language } from "../store/preferences";

/** The server's own sentence in English; in other languages built from the figures, or the sentence if there are none. */
export function reasonText(reason: Reason): string {
  const { metric, value, threshold } = reason;
  if (language.value === "en" && reason.message !== "") return reason.message;
  if (metric !== null && value !== null && threshold !== null) {
    const show = (figure: number): string =>
      metric.includes("time") || metric.includes("latency") ? duration(language.value, figure) : metricText(language.value, metric, figure);
    return t(value < threshold ? "reason.below" : "reason.above", {
      metric: metricName(metric),
      value: show(value),
      threshold: show(threshold),
    });
  }
  const key = `reason.${reason.code}`;
  if (isKey(key)) return t(key);
  return reason.message === "" ? reason.code : reason.message;
}
