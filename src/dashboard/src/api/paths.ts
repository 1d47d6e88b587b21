/** Where things are under `/api/v1`. Names are data: every one is percent-encoded. */

import { stepOf } from "../route/step";

export interface WindowsQuery {
  /** Unix seconds. */
  from: number;
  to: number;
  /** Width of a window in seconds. */
  resolution: number;
  version: string | null;
  /** `name:value`. */
  segment: string | null;
  metrics: readonly string[] | null;
}

const RESOLUTION_NAMES: Record<number, string> = { 60: "1m", 300: "5m", 3600: "1h", 86400: "1d" };

export const modelPath = (model: string): string => `/api/v1/models/${stepOf(model)}`;

export function windowsPath(model: string, query: WindowsQuery): string {
  const params = new URLSearchParams({
    from: new Date(query.from * 1000).toISOString(),
    to: new Date(query.to * 1000).toISOString(),
    resolution: RESOLUTION_NAMES[query.resolution] ?? "1m",
  });
  if (query.version !== null) params.set("version", query.version);
  if (query.segment !== null) params.set("segment", query.segment);
  if (query.metrics !== null) params.set("metrics", query.metrics.join(","));
  return `${modelPath(model)}/windows?${params}`;
}

export const sourcePath = (source: string): string => `/api/v1/sources/${stepOf(source)}`;
export const sourceAnalysisPath = (source: string): string => `${sourcePath(source)}/analysis`;
export const sourceFindingsPath = (source: string): string => `/api/v1/analysis${search({ name: source, limit: "200" })}`;
export const sourceRecordsPath = (source: string, kind: string): string => `${sourcePath(source)}/records${search({ kind, limit: "100" })}`;
export const taskPath = (model: string): string => `${modelPath(model)}/task`;

/** `metric`: the thresholds of one metric, where they are to be removed. */
export const thresholdsPath = (model: string, metric: string | null = null): string => `${modelPath(model)}/thresholds${search({ metric })}`;

/** A range of a model as one window; Unix seconds. */
export const totalPath = (model: string, { from, to, version, segment }: Pick<WindowsQuery, "from" | "to" | "version" | "segment">): string =>
  `${modelPath(model)}/total${search({ from: instant(from), to: instant(to), version, segment })}`;

/** The versions or segments of a model over a range; Unix seconds. */
export const slicesPath = (model: string, kind: "versions" | "segments", { from, to }: { from: number; to: number }): string =>
  `${modelPath(model)}/${kind}${search({ from: instant(from), to: instant(to) })}`;

const instant = (at: number): string => new Date(at * 1000).toISOString();

export const fairnessPath = (model: string): string => `${modelPath(model)}/fairness`;

export interface DriftQuery {
  version: string | null;
  /** `name:value`. */
  segment: string | null;
  /** RFC 3339; the server's own choice, the newest data, where `null`. */
  from: string | null;
  to: string | null;
}

/** `against`: what the newest data are compared with; the reference where `null`. */
export const driftPath = (model: string, query: DriftQuery & { against: string | null }): string => `${modelPath(model)}/drift${search({ ...query })}`;

/** `resolution` in seconds; the width of the policy's windows where `null`. */
export const driftWindowsPath = (model: string, { resolution, ...query }: DriftQuery & { resolution: number | null }): string =>
  `${modelPath(model)}/drift/windows${search({ ...query, resolution: resolution === null ? null : (RESOLUTION_NAMES[resolution] ?? null) })}`;

export interface ReferenceQuery {
  /** `null`: predictions that name no version, and of those to come the ones of every version. */
  version: string | null;
  /** RFC 3339: the stretch of the past that makes the reference. */
  from?: string;
  to?: string;
  /** Columns of a training set that are no features. */
  prediction?: string | null;
  score?: string | null;
}

export const referencePath = (model: string, query: ReferenceQuery): string => `${modelPath(model)}/reference${search({ ...query })}`;

/** The parameters that say something; an empty one, such as a version without a name, says nothing. */
function search(params: Record<string, string | null>): string {
  const given = Object.entries(params).filter((each): each is [string, string] => each[1] !== null && each[1] !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
