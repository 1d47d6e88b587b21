/** The JSON of `/api/v1/analysis` and of the channel `ai-analysis`: what is out of the ordinary in servers, services and models. */

import type { Epoch } from "../live/frames";

export const KINDS = ["anomaly", "shift", "leak", "trend", "silence", "refused", "model_names", "source_names", "unfit", "process", "drift"] as const;
export type FindingKind = (typeof KINDS)[number];

export interface Finding {
  id: string;
  kind: FindingKind;
  about: "source" | "model" | "producer" | "process";
  /** Of the source, the model, the producer or the process. */
  name: string;
  /** `null` of a silence, which is of all series of a source. */
  series: { name: string; labels: Record<string, string>; unit: string | null } | null;
  state: "open" | "closed";
  severity: "warning" | "critical";
  /** Log times. */
  started_at: string;
  ended_at: string | null;
  last_at: string;
  value: number | null;
  expected: number | null;
  /** The band in which the value was expected. */
  low: number | null;
  high: number | null;
  /** Usual deviations of an anomaly or a shift, z of Mann–Kendall of a leak or a trend, the population stability index of a drift. */
  score: number | null;
  change_per_hour: number | null;
  /** When a leak reaches its limit if it goes on as it does. */
  limit_at: string | null;
  /** One sentence in English. */
  text: string;
  /** What the series was lately; `null` where that no longer reaches back to the beginning. */
  trail?: SeriesTrail | null;
}

/** Means of equal stretches of a series, oldest first. */
export interface SeriesTrail {
  /** Where the newest ends. */
  end: string;
  step_seconds: number;
  values: number[];
}

/** A series of a source with what is usual for it. */
export interface SeriesFigures {
  name: string;
  labels: Record<string, string>;
  unit: string | null;
  state: "learning" | "watched";
  at: string | null;
  value: number | null;
  low: number | null;
  high: number | null;
  is_unusual: boolean;
  /** Of the last half hour, five hours and two and a half days. */
  trails: SeriesTrail[];
}

/** Findings that began together. */
export interface Together {
  started_at: string;
  /** The id of the one that moved first. */
  first: string;
  /** Ids, that of the first among them. */
  findings: string[];
  sources: number;
  correlation: number | null;
}

export interface Analysis {
  position: number;
  epoch: Epoch;
  /** Log time. */
  at: string;
  summary: {
    /** Whose usual values are known. */
    watched_series: number;
    /** Of which too little has come. */
    learning_series: number;
    /** Beyond the bounds. */
    unwatched_series: number;
    open: number;
    by_kind: Partial<Record<FindingKind, number>>;
  };
  /** The gravest, as many as are given at once. */
  items: Finding[];
  /** The `cursor` of what follows; `null` at the end. */
  next: string | null;
  together: Together[];
}

/** As many findings as a frame of the channel holds. */
export const ANALYSIS_PATH = "/api/v1/analysis?limit=200";
