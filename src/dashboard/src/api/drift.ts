/** The JSON of `/api/v1/models/{model}/drift` and `…/drift/windows`: how a version stands against its reference. Missing is `null`. */

import type { Estimate } from "./types";

export interface DriftScore {
  /** The largest component, 0 to 1. */
  value: number;
  prediction: number;
  features: number;
  multivariate: number;
  performance: number;
  /** Start of the window that was judged, and its end. */
  window: string;
  end: string;
  predictions: number;
  /** Accuracy of the first labels and of those of the window; `null` where one has none. */
  accuracy: { before: number; now: number; n: number; evident: boolean } | null;
}

/** How wide the drift windows of a version are, and what that follows from. */
export interface DriftPace {
  seconds: number;
  /** Whether the policy has pinned the width. */
  pinned: boolean;
  rows_per_minute: number | null;
  /** `null` without a reference. */
  rows_needed: number | null;
  /** Nats. */
  evidence_needed: number;
}

export interface DriftReference {
  state: "waiting" | "gathering" | "uploading" | "ready";
  /** Its place among the versions that wait for room, from 1; `null` for other states. */
  place: number | null;
  origin: "first_rows" | "collected" | "uploaded" | "range";
  /** The minutes of the past that it is made of; null for other origins. */
  range: { from: string; to: string } | null;
  rows: number;
  /** Rows it is frozen at. */
  needed: number;
  /** Event times of its first and last row; `null` while it is gathered. */
  from: string | null;
  to: string | null;
  number: number | null;
}

/** What `PUT …/reference` answers. */
export interface ReferenceTaken {
  seq: number;
  /** Rows that make the reference, of every version that took it; `null` where it is gathered from the predictions to come. */
  rows: number | null;
  /** Rows that were uploaded. */
  of: number | null;
  /** What was not used of the file as it stood, a sentence each. */
  remarks: string[];
}

export interface DriftPolicy {
  /** Whether predictions are compared with a reference at all. */
  watch: boolean;
  reference_rows: number;
  /** `null`: each version has windows as wide as its traffic needs. */
  window_seconds: number | null;
  /** The least effect that matters. */
  psi_threshold: number;
  /** Expected false alarms of all models in 30 days. */
  false_alarms_per_month: number;
  /** Labels of one version between two false alarms of its e-detector, at least and on average. */
  error_run_length: number;
  /** What windows are compared with where there is enough of it. */
  season: "none" | "same_hour_of_week";
  /** Whether the largest segments of each version are judged apart. */
  segments: boolean;
  /** Columns of the fleet that the budget is shared out over. */
  columns: number;
  /** Nats. */
  evidence_needed: number;
}

/** `not_compared`: the reference has no value of it at all. */
export type ColumnStatus = "drift" | "stable" | "no_data" | "not_compared";

export type Against = "reference" | "same_hour_of_week";

export interface Judged {
  psi: number;
  jensen_shannon: number;
  evidence: number;
  needed: number;
  /** Share of missing values then, less that of the reference. */
  missing_change: number;
  drift: boolean;
  /** What the window was compared with. */
  against: Against;
}

export interface DriftTest {
  statistic: number | null;
  /** `null` for a distance that has none. */
  p_value: number | null;
  threshold: number;
  drift: boolean;
}

export interface Category {
  name: string;
  count: number;
}

/** One side of a column. */
export interface Profile {
  rows: number;
  present: number;
  missing: number;
  mismatched: number;
  out_of_range: number;
  new_category: number;
  cardinality: number | null;
  mean: number | null;
  deviation: number | null;
  least: number | null;
  greatest: number | null;
  /** p01, p05, p25, p50, p75, p95, p99; empty for categories. */
  quantiles: Record<string, number>;
  top: Category[];
  newcomers: Category[];
}

/** A category by `name`, or numbers in `[low, high)`, open where `null`. */
export interface Bin {
  name: string | null;
  low: number | null;
  high: number | null;
  reference: number;
  current: number;
}

export interface ColumnReport {
  name: string;
  /** `prediction`, `score`, `multivariate`, or `feature/` and the name. */
  subject: string;
  group: "prediction" | "score" | "feature" | "multivariate";
  type: "numeric" | "categorical" | "identifier";
  status: ColumnStatus;
  since: string | null;
  /** Clean windows in a row while it drifts: a drift is over after `clean_windows_needed`. */
  clean_windows: number;
  clean_windows_needed: number;
  judged: Judged | null;
  tests: Record<string, DriftTest>;
  /** Expected change of accuracy because of this column alone, as a fraction. */
  attribution: number | null;
  reference: Profile;
  current: Profile;
  histogram: Bin[];
}

export interface Detector {
  detector: string;
  /** `error`, `loss`, `response_time`, `failure`, `score`, or `feature/` and a name. */
  input: string;
  state: "warming" | "stable" | "warning" | "drift";
  score: number | null;
  threshold: number | null;
  seen: number;
  alarms: number;
}

export interface Alarm {
  /** The incident that it tells of. */
  incident: number;
  /** The version that it was first seen in; `null` for predictions that name none. */
  version: string | null;
  /** Event time from which on it was so. */
  onset: string;
  /** Log time. */
  at: string;
  subject: string;
  /** `{name: value}` of the segment in which it has moved; `null` for the version as a whole. */
  segment: Record<string, string> | null;
  /** `window`, or the name of a change detector. */
  detector: string;
  /** `false`: the drift is over. */
  detected: boolean;
  start: string | null;
  end: string | null;
  /** `null` for a change detector. */
  against: Against | null;
  effect: Record<string, number>;
  evidence: number;
  threshold: number;
}

export type Ending = "recovered" | "accepted" | "unwatched";

/** What a judged window of a version says of the subject of an incident. */
export interface JudgedWindow {
  version: string | null;
  start: string;
  end: string;
  /** As alarms have it; of `error` `rate_before` and `rate_now`. */
  effect: Record<string, number>;
  /** Predictions of the window; of `error` its labels. */
  n: number;
  evidence: number | null;
  needed: number | null;
  detected: boolean;
}

/** One subject of a model that has moved. Further alarms about it while it goes on are updates of it. */
export interface Incident {
  number: number;
  subject: string;
  state: "open" | "over";
  /** Event time at which the change is estimated to have begun, and from which on it was as before: `null` while it goes on. */
  onset: string;
  end: string | null;
  /** `unwatched`: nobody looks any more. */
  ended_by: Ending | null;
  told_at: string;
  updated_at: string;
  updates: number;
  versions: (string | null)[];
  segments: Record<string, string>[];
  detectors: string[];
  first: Alarm;
  latest: Alarm;
  /** How it stands now, by the last judged window of each version that it is in. */
  now: JudgedWindow[];
  /** How bad it has been; `null` before the first judged window, and where windows say nothing of it. */
  worst: JudgedWindow | null;
  actions: "accept"[];
}

export interface SegmentReport {
  /** As `{name: value}`. */
  segment: Record<string, string>;
  /** By subject. */
  columns: Record<string, { status: ColumnStatus; since: string | null; judged: Judged | null }>;
}

export interface DriftReport {
  model: string;
  /** `null`: predictions that name no version. */
  version: string | null;
  versions: (string | null)[];
  reference: DriftReference;
  policy: DriftPolicy;
  window: DriftPace;
  score: DriftScore | null;
  /** What is compared to the reference. */
  start: string;
  end: string;
  predictions: number;
  /** Empty while the reference is gathered. */
  columns: ColumnReport[];
  labels: { arrived: number; baseline: Estimate; recent: Estimate; detectors: Detector[] };
  /** Segments that are judged apart. */
  segments: SegmentReport[];
  /** The beginning and the end of every incident of all versions, the newest last. */
  alarms: Alarm[];
  /** What has moved, in all versions, the newest last. */
  incidents: Incident[];
}

export interface WindowColumn {
  psi: number | null;
  jensen_shannon: number | null;
  evidence: number | null;
  drift: boolean;
  present: number;
  missing: number;
  mismatched: number;
  out_of_range: number;
  new_category: number;
  mean: number | null;
}

export interface DriftWindow {
  start: string;
  end: string;
  closed: boolean;
  predictions: number;
  /** Nats that its columns need for a drift, at its width. */
  evidence_needed: number;
  /** Features that the reference did not have. */
  unexpected: number;
  /** By subject. */
  columns: Record<string, WindowColumn>;
}
