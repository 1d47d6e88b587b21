/** Small examples for the tests, each as the server would say it; a test names only what it is about. */

import type { Analysis, Finding, Together } from "./api/analysis";
import type { ColumnReport, DriftWindow, Profile, WindowColumn } from "./api/drift";
import type { ModelSummary, Window } from "./api/types";
import type { DataFrame } from "./live/frames";

export function model(name: string, fields: Partial<ModelSummary> = {}): ModelSummary {
  return {
    name,
    owner: null,
    tags: [],
    archived: false,
    status: "healthy",
    reasons: [],
    task: "classification",
    predictions: 0,
    errors: 0,
    labelled: 0,
    pending_labels: 0,
    duplicates: 0,
    conflicts: 0,
    orphans: 0,
    late: 0,
    too_late: 0,
    expired: 0,
    versions: [],
    segments: {},
    last_prediction_at: null,
    watermark: null,
    stale: false,
    changed_seq: 1,
    current: null,
    trail: [],
    ...fields,
  };
}

/** A one-minute window that starts `minute` minutes after 2026-01-01T00:00Z. */
export function window(minute: number, fields: Partial<Window> = {}): Window {
  const start = Date.UTC(2026, 0, 1) + minute * 60_000;
  return {
    start: new Date(start).toISOString(),
    end: new Date(start + 60_000).toISOString(),
    closed: true,
    revision: 0,
    predictions: 60,
    errors: 0,
    labelled: 0,
    coverage: 0,
    metrics: {},
    latency: null,
    confidence: null,
    confusion: null,
    ...fields,
  };
}

export const frame = (type: "snapshot" | "change", position: number, data: unknown, epoch: number | string = 1, channel = "models"): DataFrame => ({
  type,
  channel,
  epoch,
  position,
  timestamp: "2026-01-01T00:00:00Z",
  data,
});

const profile: Profile = {
  rows: 600,
  present: 600,
  missing: 0,
  mismatched: 0,
  out_of_range: 0,
  new_category: 0,
  cardinality: null,
  mean: 1,
  deviation: 1,
  least: 0,
  greatest: 2,
  quantiles: {},
  top: [],
  newcomers: [],
};

export const profileOf = (fields: Partial<Profile>): Profile => ({ ...profile, ...fields });

/** A numeric feature that was judged and is stable. */
export function columnReport(name: string, fields: Partial<ColumnReport> = {}): ColumnReport {
  return {
    name,
    subject: `feature/${name}`,
    group: "feature",
    type: "numeric",
    status: "stable",
    since: null,
    clean_windows: 0,
    clean_windows_needed: 2,
    judged: { psi: 0.01, jensen_shannon: 0.02, evidence: 1, needed: 12.8, missing_change: 0, drift: false, against: "reference" },
    tests: {},
    attribution: null,
    reference: profile,
    current: profile,
    histogram: [],
    ...fields,
  };
}

/** A ten-minute drift window that starts `minute` minutes after 2026-01-01T00:00Z. */
export function driftWindow(minute: number, columns: Record<string, Partial<WindowColumn>> = {}, fields: Partial<DriftWindow> = {}): DriftWindow {
  const start = Date.UTC(2026, 0, 1) + minute * 60_000;
  const plain: WindowColumn = {
    psi: 0.01,
    jensen_shannon: 0.02,
    evidence: 1,
    drift: false,
    present: 600,
    missing: 0,
    mismatched: 0,
    out_of_range: 0,
    new_category: 0,
    mean: 1,
  };
  return {
    start: new Date(start).toISOString(),
    end: new Date(start + 600_000).toISOString(),
    closed: true,
    predictions: 600,
    evidence_needed: 12,
    unexpected: 0,
    columns: Object.fromEntries(Object.entries(columns).map(([subject, column]) => [subject, { ...plain, ...column }])),
    ...fields,
  };
}

/** An open anomaly of a host's CPU, since 2026-01-01T00:00Z. */
export const finding = (id: string, fields: Partial<Finding> = {}): Finding => ({
  id,
  kind: "anomaly",
  about: "source",
  name: "web-01",
  series: { name: "cpu_usage_percent", labels: {}, unit: "percent" },
  state: "open",
  severity: "warning",
  started_at: "2026-01-01T00:00:00Z",
  ended_at: null,
  last_at: "2026-01-01T00:10:00Z",
  value: 97,
  expected: 45,
  low: 30,
  high: 60,
  score: 6.2,
  change_per_hour: null,
  limit_at: null,
  text: "cpu_usage_percent of web-01 is 97 %, 30 to 60 % was expected.",
  ...fields,
});

export const analysisOf = (findings: Finding[], together: Together[] = [], fields: Partial<Analysis> = {}): Analysis => ({
  position: 10,
  epoch: 1,
  at: "2026-01-01T00:10:00Z",
  summary: { watched_series: 40, learning_series: 2, unwatched_series: 0, open: findings.filter((each) => each.state === "open").length, by_kind: {} },
  items: findings,
  next: null,
  together,
  ...fields,
});
