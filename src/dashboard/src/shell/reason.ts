/** Why a model has its state, in the reader's language: figure, interval, threshold, since when, and the segment behind it. */

import type { Reason } from "../api/types";
import { figureText, isShare, rangeText } from "../format/metric";
import { duration, type Locale, percent } from "../format/number";
import { isKey, metricName, t } from "../i18n";
import { now as present } from "../store/clock";
import { language } from "../store/preferences";

/** One sentence. `now` is the time until which a state has lasted, in milliseconds. */
export function reasonText(reason: Reason, now: number = present.value.getTime()): string {
  const locale = language.value;
  if (reason.of === "recent_labels" && reason.window !== null) {
    return t("reason.overdue", { time: duration(locale, Math.max(0, Math.floor((now - Date.parse(reason.window)) / 1000))) });
  }
  if (reason.needed !== null && reason.of !== null && reason.of !== "recent_labels") {
    return t(`reason.few.${reason.of}`, { n: reason.n, needed: reason.needed });
  }
  if (reason.code === "stale" && reason.value !== null) return t("reason.stale", { time: duration(locale, reason.value) });
  const { metric, value, threshold, direction } = reason;
  if (metric === null || value === null || threshold === null || direction === null) return unnamed(reason);
  const sentence = t(direction === "below" ? "reason.floor" : "reason.ceiling", {
    metric: metricName(metric === "error_rate" ? "failures" : metric),
    value: figureText(locale, metric, value) + range(locale, reason),
    threshold: figureText(locale, metric, threshold),
  });
  return sentence + aside(locale, reason, direction === "below" ? value < threshold : threshold < value) + lasting(locale, reason, now) + limits(locale, reason) + behind(reason);
}

/** What the state says beyond the figures: how it can be a warning, or still be critical. */
function aside(locale: Locale, reason: Reason, beyond: boolean): string {
  if (reason.status === "warning" && beyond) return t("reason.notEvident");
  if (reason.status === "warning" && reason.margin !== null) {
    return t(reason.low === null ? "reason.nearPoint" : "reason.near", { margin: difference(locale, reason.metric!, reason.margin) });
  }
  if (reason.status === "critical" && !beyond) return t("reason.notClear");
  return "";
}

function lasting(locale: Locale, reason: Reason, now: number): string {
  const seconds = reason.since === null ? 0 : Math.floor((now - Date.parse(reason.since)) / 1000);
  return reason.status === "healthy" || seconds < 1 ? "" : t("reason.for", { time: duration(locale, seconds, true) });
}

/** Labels are said to be few where less than this share of predictions has one, and late from so many seconds on. */
const LABELLED_FEW = 0.8;
const LABELS_LATE = 600;

/** What few or late labels hide. */
function limits(locale: Locale, { labelled, label_delay_seconds: delay }: Reason): string {
  const few = labelled !== null && labelled < LABELLED_FEW ? t("reason.labelled", { share: percent(locale, labelled) }) : "";
  return few + (delay !== null && LABELS_LATE <= delay ? t("reason.late", { time: duration(locale, delay, true) }) : "");
}

const behind = (reason: Reason): string =>
  reason.mostly === null ? "" : t("reason.mostly", { segment: `${reason.mostly.name}=${reason.mostly.value}` });

const pointsText = (points: number): string => t(points === 1 ? "reason.point" : "reason.points", { points });

/** A difference of shares is in percentage points. */
export const difference = (locale: Locale, metric: string, value: number): string =>
  isShare(metric) ? pointsText(Math.round(value * 1000) / 10) : figureText(locale, metric, value);

const range = (locale: Locale, reason: Reason): string =>
  reason.low === null || reason.high === null ? ` (${t("reason.noInterval")})` : ` (${rangeText(locale, reason.metric!, reason.low, reason.high)})`;

function unnamed(reason: Reason): string {
  const key = `reason.${reason.code}`;
  if (isKey(key)) return t(key);
  return reason.message === "" ? reason.code : reason.message;
}
