/** What one model is compared to. Without an answer everything is shown the same, less a line or a word. */

import { thresholdsPath } from "../../../api/paths";
import type { ModelThresholds } from "../../../api/thresholds";
import type { ModelSummary } from "../../../api/types";
import { useReading, type Reading } from "../reading";

/** Read again when the lines change by which the model is judged: somebody has set others. */
export function useModelThresholds(model: ModelSummary): Reading<ModelThresholds> {
  const lines = (model.judged ?? []).map(({ metric, threshold, margin }) => [metric, threshold, margin]);
  return useReading<ModelThresholds>(thresholdsPath(model.name), JSON.stringify(lines));
}

/** The threshold of `metric` that a chart draws: the model's own, else that of all models for what all models are judged by. */
export function lineOf(thresholds: ModelThresholds | null, metric: string, isRegression: boolean): number | null {
  if (thresholds === null) return null;
  const own = thresholds.thresholds.find((each) => each.metric === metric);
  if (own !== undefined) return own.value;
  const { accuracy_threshold: accuracy, error_rate_threshold: failures, drift_threshold: drift } = thresholds.of_all_models;
  // a regression is judged by its loss, and not by how often it is within a tenth
  const ofAll: Record<string, number | null | undefined> = { accuracy: isRegression ? null : accuracy, error_rate: failures, drift };
  return ofAll[metric] ?? null;
}
