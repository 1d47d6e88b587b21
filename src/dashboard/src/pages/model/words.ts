import type { Task } from "../../api/types";
import { metricName, t } from "../../i18n";

/** For a regression "accuracy" can only mean the share within a tolerance, and the page says so. */
export const accuracyName = (task: Task): string => (task === "regression" ? t("metric.accuracyWithin10") : t("column.accuracy"));

export const metricNameFor = (task: Task, metric: string): string => (metric === "accuracy" ? accuracyName(task) : metricName(metric));
