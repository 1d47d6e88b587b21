/** Jobs, batches and hosts as `/api/v1` tells them. */

import { stepOf } from "../route/step";
import type { RetrainJob } from "./retraining";

/** The eight figures of a job: percent of one core or GPU, MiB, seconds. */
export interface Performance {
  cpu_percent_avg: number;
  cpu_percent_max: number;
  ram_mb_avg: number;
  ram_mb_peak: number;
  gpu_vram_mb_current: number;
  gpu_vram_mb_peak: number;
  gpu_percent: number;
  processing_time_sec: number;
}

export const JOB_STATES = ["RUNNING", "COMPLETE", "FAIL", "ABORT"] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface Job {
  id: string;
  kind: "run" | "retraining";
  state: JobState;
  silent: boolean;
  source: string;
  batch_id: string | null;
  attempt: number;
  began_at: string | null;
  ended_at: string | null;
  seen_at: string;
  performance: Performance | null;
  cpu_seconds: number | null;
  memory_source: string | null;
  memory_peak_source: string | null;
  exit_code: number | null;
  left_running: number;
  progress: number | null;
  model: string | null;
  model_version: string | null;
  command: string | null;
  error: string | null;
  result: unknown;
  versions: Record<string, unknown> | null;
}

/** One job as it is asked for alone. */
export interface JobDetail extends Job {
  retraining: RetrainJob | null;
}

export interface JobPage {
  items: Job[];
  next: string | null;
  dropped: number;
}

export interface Totals {
  jobs: number;
  running: number;
  complete: number;
  failed: number;
  aborted: number;
  dropped: number;
  processing_time_sec: number;
  processing_time_sec_avg: number | null;
  cpu_seconds: number;
  cpu_percent_avg: number | null;
  cpu_percent_max: number | null;
  ram_mb_avg: number | null;
  ram_mb_peak: number | null;
  gpu_percent: number | null;
  gpu_vram_mb_peak: number | null;
}

export interface Batch {
  id: string;
  totals: Totals;
  slowest: { id: string; value: number }[];
  heaviest: { id: string; value: number }[];
  failed: { id: string; error: string | null }[];
  items: Job[];
  next: string | null;
}

export interface Host {
  id: string;
  cpu: number | null;
  memory: number | null;
  disk: number | null;
  gpu: number | null;
  gpu_throttled: boolean | null;
  status: "healthy" | "warning" | "critical";
  last_at: string;
  findings: number;
  running: number;
  jobs: number;
  models: string[];
}

export interface HostSeries {
  name: string;
  labels: Record<string, string>;
  value: number;
  unit: string | null;
  at: string;
  /** Seconds since 1970 and the value, oldest first. */
  trail: [number, number][];
}

export interface HostDetail extends Host {
  series: HostSeries[];
}

const search = (params: Record<string, string>): string => {
  const given = Object.entries(params).filter(([, value]) => value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
};

export const jobsPath = (params: Record<string, string>): string => `/api/v1/jobs${search(params)}`;
export const jobPath = (job: string): string => `/api/v1/jobs/${stepOf(job)}`;
export const batchPath = (batch: string, params: Record<string, string>): string => `/api/v1/batches/${stepOf(batch)}${search(params)}`;
export const hostsPath = (params: Record<string, string>): string => `/api/v1/hosts${search(params)}`;
export const hostPath = (host: string): string => `/api/v1/hosts/${stepOf(host)}`;
