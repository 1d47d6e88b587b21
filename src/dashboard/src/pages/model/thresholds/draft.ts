/** A threshold while someone writes it, and thresholds as a file holds them. Pure. */

import type { Direction, Suggestion, Threshold, ThresholdChange } from "../../../api/thresholds";

/** What is in the fields; figures as text. */
export interface Draft {
  metric: string;
  /** Empty: the usual one of the metric. */
  direction: Direction | "";
  value: string;
  /** Empty: the usual one. */
  margin: string;
  source: string;
  unit: string;
  target: string;
}

export const EMPTY: Draft = { metric: "", direction: "", value: "", margin: "", source: "", unit: "", target: "" };

/** What the name of a sample's metric begins with. */
export const SAMPLE = "sample/";

export const isSample = (metric: string): boolean => metric.startsWith(SAMPLE);

export const draftOf = ({ metric, direction, value, margin, source, unit, target }: Threshold): Draft => ({
  metric,
  direction,
  value: String(value),
  margin: String(margin),
  source: source ?? "",
  unit: unit ?? "",
  target: target === null ? "" : String(target),
});

/** `null` for a field that holds no number; `undefined` for an empty one. */
const numberIn = (text: string): number | null | undefined => {
  if (text.trim() === "") return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
};

/** What is sent for `draft`; `null` while it is not whole. */
export function changeOf(draft: Draft): ThresholdChange | null {
  const [value, margin, target] = [draft.value, draft.margin, draft.target].map(numberIn);
  const metric = draft.metric.trim();
  if (metric === "" || value === undefined || value === null || margin === null || target === null) return null;
  if (isSample(metric) && draft.source.trim() === "") return null;
  return {
    metric,
    value,
    ...(draft.direction === "" ? {} : { direction: draft.direction }),
    ...(margin === undefined ? {} : { margin }),
    ...(isSample(metric) ? { source: draft.source.trim() } : {}),
    ...(draft.unit.trim() === "" ? {} : { unit: draft.unit.trim() }),
    ...(target === undefined ? {} : { target }),
  };
}

/** What a suggestion makes of a threshold. */
export const adopted = ({ metric, direction, value }: Suggestion): ThresholdChange => ({ metric, direction, value });

/** Suggestions for metrics that have no threshold yet. */
export const open = (suggested: readonly Suggestion[], own: readonly Threshold[]): Suggestion[] =>
  suggested.filter(({ metric }) => own.every((each) => each.metric !== metric));

/** What is left of `own` without one of them. */
export const without = (own: readonly Threshold[], gone: Threshold): Threshold[] => own.filter((each) => each !== gone);

/** The thresholds that a file holds: what an export has written, or a bare list. `null` if it holds none. */
export function thresholdsIn(text: string): ThresholdChange[] | null {
  let held: unknown;
  try {
    held = JSON.parse(text);
  } catch {
    return null;
  }
  const list = Array.isArray(held) ? held : (held as { thresholds?: unknown } | null)?.thresholds;
  if (!Array.isArray(list)) return null;
  const isThreshold = (each: unknown): each is ThresholdChange => {
    const { metric, value } = (each ?? {}) as Partial<ThresholdChange>;
    return typeof metric === "string" && typeof value === "number";
  };
  return list.every(isThreshold) ? list : null;
}
