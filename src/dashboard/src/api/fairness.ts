/** The JSON of `/api/v1/models/{model}/fairness`: segments side by side. */

import type { Estimate } from "./types";

/** The highest rate less the lowest; its interval holds for the gaps of all pairs at once. */
export interface Gap {
  difference: Estimate;
  highest: string;
  lowest: string;
  /** Values with enough rows. */
  compared: number;
}

export interface Fairness {
  model: string;
  start: string;
  end: string;
  /** The class that counts as positive; `null` unless there are two. */
  positive: string | null;
  /** Values with fewer rows are left out. */
  rows_min: number;
  segments: { name: string; values: string[]; gaps: Record<string, Gap> }[];
  /** Values that are wrong more often than all other predictions, most suspicious first. */
  worst: { name: string; value: string; error_rate: Estimate; difference: Estimate; p_value: number; p_value_adjusted: number }[];
}
