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
