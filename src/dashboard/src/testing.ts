/** Small examples for the tests, each as the server would say it; a test names only what it is about. */

import type { ModelSummary, Window } from "./api/types";
import type { DataFrame } from "./live/frames";

export function model(name: string, fields: Partial<ModelSummary> = {}): ModelSummary {
  return {
    name,
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
    last_prediction: null,
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

export const frame = (type: "snapshot" | "change", applied_seq: number, data: unknown, epoch: number | string = 1, channel = "models"): DataFrame => ({
  type,
  channel,
  epoch,
  applied_seq,
  timestamp: "2026-01-01T00:00:00Z",
  data,
});
