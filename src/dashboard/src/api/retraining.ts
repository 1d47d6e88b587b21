/** Retraining as `/api/v1` tells it: jobs, trained versions, who serves, and the policy. */

import { modelPath } from "./paths";

export const STAGES = ["backup", "data", "features", "search", "train", "evaluate"] as const;
export type Stage = (typeof STAGES)[number];

export type JobState = "queued" | "running" | "completed" | "failed" | "rejected" | "cancelled";
export type Reason = "manual" | "performance" | "model_drift" | "scheduled";

export interface RetrainJob {
  job_id: string;
  model: string;
  state: JobState;
  reasons: Reason[];
  asked_by: string | null;
  algorithm: string;
  stage: Stage;
  /** 0 to 100. */
  progress: number;
  /** Whole minutes left. */
  estimated_time: number | null;
  attempt: number;
  queued_at: string;
  started_at: string | null;
  finished_at: string | null;
  version: string | null;
  data: RetrainData | null;
  /** Of a search. */
  trials: number | null;
  error: { code: string; detail: string } | null;
}

/** Rows that a version was trained from and compared on. */
export interface RetrainData {
  rows: number;
  holdout_rows: number;
  warnings: string[];
}

export interface RetrainJobPage {
  items: RetrainJob[];
  next: string | null;
}

export interface Measured {
  value: number;
  low: number | null;
  high: number | null;
  n: number;
}

/** Begins at 1; at the threshold it is proved. */
export interface Evidence {
  value: number;
  threshold: number;
  labels: number;
  mean_advantage: number | null;
  labels_left: number | null;
}

export type Standing = "challenger" | "proposed" | "champion" | "previous" | "retired" | "rejected" | "superseded" | "rolled_back";

export interface TrainedVersion {
  version: string;
  standing: Standing;
  made_at: string;
  job_id: string;
  /** BLAKE3. */
  artifact: string;
  kept: boolean;
  bytes: number;
  algorithm: string;
  rows: number;
  holdout_rows: number;
  metrics: Record<string, Measured>;
  champion_metrics: Record<string, Measured>;
  evidence: Evidence;
  objections: { code: string; detail: string }[];
  segments: { name: string; value: string; rows: number; champion_loss: number; challenger_loss: number }[];
  importance: { feature: string; value: number }[];
  warnings: string[];
  served: { from: string; to: string | null }[];
  training_seconds: number;
}

export interface Decision {
  at: string;
  decision: "promoted" | "rolled_back" | "rejected" | "proposed" | "confirmed" | "superseded" | "pinned" | "unpinned";
  from: string | null;
  to: string | null;
  /** `null`: evidence decided. */
  by: string | null;
  why: string;
}

export interface Comparison {
  model: string;
  champion: string | null;
  pinned: boolean;
  challengers: TrainedVersion[];
  watch: { previous: string | null; since: string; evidence: Evidence; proposed: string | null } | null;
  cool_until: string | null;
  passed_over: number;
  decisions: Decision[];
}

export type Mode = "off" | "propose" | "auto";

export interface Policy {
  auto_retrain_enabled: boolean;
  max_concurrent_tasks: number;
  retrain_interval_hours: number;
  backup_models: boolean;
  performance_threshold: number;
  drift_threshold: number;
  mode: Mode;
  search: boolean;
  cooldown_hours: number;
  window_days: number;
  gates: Record<string, number>;
  model_configs: Record<string, unknown>;
}

export const POLICY_PATH = "/api/v1/retraining/policy";
export const MANUAL_PATH = "/api/ai/retrain/manual";

export const retrainJobsPath = (params: Record<string, string>): string => `/api/v1/retraining/jobs?${new URLSearchParams(params)}`;
export const cancelPath = (job: string): string => `/api/v1/retraining/jobs/${encodeURIComponent(job)}/cancel`;
export const comparisonPath = (model: string): string => `${modelPath(model)}/comparison`;
export const trainedPath = (model: string): string => `${modelPath(model)}/versions`;
export const decidePath = (model: string, what: "promote" | "rollback" | "pin"): string => `${modelPath(model)}/${what}`;
