import type { Task } from "../../api/types";
import { metricName, t } from "../../i18n";

/** For a regression "accuracy" can only mean the share within a tolerance, and the page says so. */
export const accuracyName = (task: Task): string => (task === "regression" ? t("metric.accuracyWithin10") : t("column.accuracy"));

export const metricNameFor = (task: Task, metric: string): string => (metric === "accuracy" ? accuracyName(task) : metricName(metric));

/** Figures of a window that say how good a model is, the first ones first. */
const QUALITY: Record<Task, readonly string[]> = {
  classification: [
    "accuracy", "balanced_accuracy", "precision", "recall", "f1", "precision_macro", "recall_macro", "f1_macro", "roc_auc", "pr_auc", "mcc",
    "cohen_kappa", "fpr", "fnr", "log_loss", "brier", "ece",
  ],
  regression: ["accuracy", "mae", "rmse", "mape", "smape", "r2", "bias", "median_ae", "max_error"],
  unknown: ["accuracy"],
};

export const metricsOf = (task: Task): readonly string[] => QUALITY[task];
