/** The channel `overview` of `/ws`: rows of the list of models. Missing is `null`, never 0. */

import type { DriftScore } from "./drift";
import type { Estimate, Reason, Status, Task } from "./types";

/** Minute since 1970, accuracy of its labels, how many there are. */
export type TrailMinute = [minute: number, accuracy: number | null, labelled: number];

/**
 * What the status has been: the number of the newest hour since 1970 and a letter for each of 24 hours, then the same of 30 days; oldest
 * first. The worst status of each: `h`, `u`, `w`, `c`, and `-` where nothing is known.
 */
export type StripLetters = [hour: number, hours: string, day: number, days: string];

/** The accuracy that a model is judged by: of labels in the order in which they came, over the stretch that decides. */
export interface JudgedAccuracy {
  value: number;
  low: number | null;
  high: number | null;
  n: number;
  /** When the stretch begins. */
  window: string;
}

/** A model as its row shows it; figures are of the last five minutes of its own time. */
export interface OverviewRow {
  name: string;
  status: Status;
  strip: StripLetters;
  reasons: Reason[];
  task: Task;
  versions: number;
  last_prediction_at: string | null;
  stale: boolean;
  owner: string | null;
  tags: string[];
  archived: boolean;
  drift: DriftScore | null;
  /** End of the five minutes; `null` before the first prediction, as all below. */
  end: string | null;
  predictions: number | null;
  labelled: number | null;
  accuracy: Estimate | null;
  /** Where no label of the five minutes has come yet. */
  judged_accuracy: JudgedAccuracy | null;
  error_rate: Estimate | null;
  p95_seconds: number | null;
  throughput_per_second: number | null;
  trail: TrailMinute[];
}

/** Of the models that are not archived. */
export interface OverviewSummary {
  total: number;
  by_status: Partial<Record<Status, number>>;
  stale: number;
  archived: number;
  /** `null` if no model that is not stale has a figure. */
  throughput_per_second: number | null;
}

/** What there is to choose from, with how many models have it. */
export interface Facets {
  tags: Record<string, number>;
  owners: Record<string, number>;
}

/** The heading of a group; the empty name is of those that belong to none. */
export interface GroupLine {
  group: string;
  models: number;
}

/** A model by its name, or a heading. */
export type Line = string | GroupLine;
