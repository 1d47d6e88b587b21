/** The JSON of `/api/v1` and `/ws`. Times are RFC 3339 in UTC, durations seconds, rates fractions 0 to 1; missing is `null`, never 0. */

import type { DriftScore } from "./drift";

export type Status = "healthy" | "warning" | "critical" | "training" | "unknown";
export type Task = "classification" | "regression" | "unknown";

/** A figure with its 95 % interval; `n` is the number of records it rests on. */
export interface Estimate {
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
  /** Why a figure has no interval; absent where it has one. */
  why?: "too_few_rows" | "no_spread" | "heavy_tails" | "too_large" | "none_known";
}

export interface Latency {
  p50: number | null;
  p95: number | null;
  p99: number | null;
  mean: number | null;
  max: number | null;
  n: number;
}

/** Rows of `matrix` are the true class, columns the predicted one. */
export interface Confusion {
  labels: string[];
  matrix: number[][];
  /** Classes beyond those seen most. */
  left_out?: number;
}

export interface Window {
  start: string;
  end: string;
  closed: boolean;
  revision: number;
  predictions: number;
  errors: number;
  labelled: number;
  coverage: number | null;
  metrics: Record<string, Estimate>;
  /** Accuracy, error rate and p50, p95, p99 of the response time (seconds) with intervals that hold however often one looks. */
  always_valid?: Record<string, Estimate>;
  /** What the scores alone let expect, with the band the realised figures should fall in; empty until they are calibrated. */
  estimated?: Record<string, Estimate>;
  latency: Latency | null;
  confidence: number | null;
  predicted?: Record<string, number>;
  confusion: Confusion | null;
}

/** A figure compared to its threshold, or why there is none. */
export interface Reason {
  /** `no_data`, `stale`, or the metric. */
  code: string;
  status: Status;
  message: string;
  metric: string | null;
  value: number | null;
  /** The interval that was compared: it holds however often one looks. */
  low: number | null;
  high: number | null;
  n: number;
  /** How many are needed, where they are too few, and of what. */
  needed: number | null;
  of: "labels" | "recent_labels" | "predictions" | "samples" | null;
  threshold: number | null;
  /** A warning where the interval reaches this near to the threshold. */
  margin: number | null;
  /** The bad side of the threshold. */
  direction: "below" | "above" | null;
  since: string | null;
  window: string | null;
  /** Of a figure of labels: about what share of the predictions of that time has one, and mean seconds until it comes. */
  labelled: number | null;
  label_delay_seconds: number | null;
  /** The segment that explains most of what is wrong. */
  mostly: { name: string; value: string; share: number } | null;
}

/** The last five minutes of the model's own event time. */
export interface Current {
  start: string;
  end: string;
  predictions: number;
  errors: number;
  labelled: number;
  accuracy: Estimate;
  error_rate: Estimate;
  p95_seconds: number | null;
  mean_response_time_seconds: number | null;
  throughput_per_second: number | null;
  coverage: number | null;
  confidence: number | null;
}

/** One of the last sixty one-minute windows. */
export interface TrailPoint {
  start: string;
  predictions: number;
  errors: number;
  labelled: number;
  accuracy: number | null;
  p95_seconds: number | null;
}

export type TaskChoice = "automatic" | "classification" | "regression";

/** Values of one side that do not fit the task: how many of how many, and the first of them. */
export interface Unfit {
  count: number;
  of: number;
  examples: string[];
}

/** Whether values are classes or quantities, and why. */
export interface TaskDecision {
  task: Task;
  from: "told" | "labels" | "predictions" | "nothing";
  settled: boolean;
  /** Labelled predictions it rests on. */
  rows: number;
  reading: "quantities" | "small_numbers" | "whole_numbers" | "names" | null;
  predictions: Unfit;
  labels: Unfit;
  changes: { version: string | null; from: Task; to: Task; at: string }[];
  /** Classes that are easily taken for one, by group. */
  alike?: string[][];
  quoted_numbers?: { count: number; of: number; examples: string[] } | null;
}

export interface ModelSummary {
  name: string;
  owner: string | null;
  tags: string[];
  archived: boolean;
  status: Status;
  status_since?: string | null;
  /** The newest changes of the status, oldest first. */
  status_history?: { at: string; status: Status }[];
  reasons: Reason[];
  /** All that is compared to a threshold, healthy or not. */
  judged?: Reason[];
  task: Task;
  task_decision?: TaskDecision;
  predictions: number;
  errors: number;
  labelled: number;
  pending_labels: number;
  duplicates: number;
  conflicts: number;
  orphans: number;
  late: number;
  too_late: number;
  expired: number;
  versions: string[];
  segments: Record<string, string[]>;
  last_prediction_at: string | null;
  watermark: string | null;
  stale: boolean;
  changed_seq: number;
  current: Current | null;
  trail: TrailPoint[];
  /** Of the version that has moved farthest; `null` until a drift window could be judged. */
  drift?: DriftScore | null;
}

/** A row of `/versions` or `/segments`: the totals of the last hour for one version or one segment value. */
export type Slice = Window & {
  version?: string | null;
  /** Of a version; `null` for those beyond the 64 of a model that are compared. */
  state?: "gathering" | "serving" | "shadow" | "retired" | null;
  retired_at?: string | null;
  segment?: string;
  name?: string;
  value?: string;
};

export interface Thresholds {
  accuracy_threshold?: number | null;
  response_time_threshold?: number | null;
  error_rate_threshold?: number | null;
  drift_threshold?: number | null;
}
