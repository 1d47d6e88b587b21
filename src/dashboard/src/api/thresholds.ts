/** The JSON of `/api/v1/models/{model}/thresholds`. Shares are fractions 0 to 1, times seconds; missing is `null`. */

import type { Thresholds } from "./types";

/** The bad side of a threshold. */
export type Direction = "below" | "above";

/** A threshold of one model. */
export interface Threshold {
  metric: string;
  direction: Direction;
  /** Critical beyond it. */
  value: number;
  /** A warning where the interval reaches this near to it. */
  margin: number;
  /** Whose sample it is, of `sample/<name>`. */
  source: string | null;
  /** For people. */
  unit: string | null;
  target: number | null;
}

/** A quarter worse than the figure of the reference. */
export interface Suggestion {
  metric: string;
  direction: Direction;
  value: number;
  /** The figure of the reference, and how many rows it rests on. */
  reference: number;
  n: number;
}

export interface ModelThresholds {
  model: string;
  thresholds: Threshold[];
  of_all_models: Thresholds;
  suggested: Suggestion[];
}

/** What is sent: what is left out is as usual for the metric. */
export type ThresholdChange = Pick<Threshold, "metric" | "value"> & Partial<Threshold>;
