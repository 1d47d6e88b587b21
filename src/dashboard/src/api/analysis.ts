/** The JSON of `/api/v1/analysis` and of the channel `ai-analysis`: what is out of the ordinary in servers, services and models. */

import type { Epoch } from "../live/frames";

export const KINDS = ["anomaly", "shift", "leak", "trend", "silence", "drift"] as const;
export type FindingKind = (typeof KINDS)[number];

export interface Finding {
  id: string;
  kind: FindingKind;
  about: "source" | "model";
  /** Of the source or the model. */
  name: string;
  series: { name: string; labels: Record<string, string>; unit: string | null };
  state: "open" | "closed";
  severity: "warning" | "critical";
  /** Log times. */
  since: string;
  until: string | null;
  last_at: string;
  value: number | null;
  expected: number | null;
  /** The band in which the value was expected. */
  low: number | null;
  high: number | null;
  /** Robust standard deviations of an anomaly or a shift, z of Mann–Kendall of a leak or a trend. */
  score: number | null;
  change_per_hour: number | null;
  /** When a leak reaches its limit if it goes on as it does. */
  limit_at: string | null;
  /** One sentence in English. */
  text: string;
}

/** Findings that began together. */
export interface Together {
  since: string;
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
    watched_series: number;
    /** Of which too little has been seen to know what is ordinary. */
    learning_series: number;
    open: number;
    by_kind: Partial<Record<FindingKind, number>>;
  };
  findings: Finding[];
  together: Together[];
}

export const ANALYSIS_PATH = "/api/v1/analysis";
