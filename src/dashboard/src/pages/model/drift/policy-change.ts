/** The drift policy while someone changes it. Pure. */

import type { DriftPolicy } from "../../../api/drift";

/** Figures of the policy that can be changed, with where they can lie; the unit is told with the name. */
export const FIGURES = {
  window_seconds: { least: 0, most: 604_800, step: "any" },
  psi_threshold: { least: 0, most: 10, step: "any" },
  false_alarms_per_month: { least: 0.000001, most: 1_000_000, step: "any" },
  error_run_length: { least: 100, most: null, step: "any" },
  reference_rows: { least: 100, most: 10_000, step: "1" },
} as const;

export type Figure = keyof typeof FIGURES;
export const FIGURE_NAMES = Object.keys(FIGURES) as Figure[];

/** What is chosen and not written. */
type Choices = Pick<DriftPolicy, "watch" | "season" | "segments">;

/** What is in the fields that were touched; figures as text. */
export type Draft = Partial<Record<Figure, string>> & Partial<Choices>;

/** What of a policy can be changed here. */
export type Changeable = Pick<DriftPolicy, Figure> & Choices;
export type PolicyChange = Partial<Changeable>;

/** Stands for windows as wide as the traffic of each version needs. */
export const FITS = 0;

/** Widths of drift windows in seconds, [`FITS`] first: whole minutes that part a day evenly, a week; `held` too, whatever it is. */
export function widths(held: number): number[] {
  const minutes = Array.from({ length: 1440 }, (_, nth) => nth + 1).filter((each) => 1440 % each === 0);
  return [...new Set([FITS, ...minutes.map((each) => each * 60), 604_800, held])].sort((a, b) => a - b);
}

/** What of `draft` differs from the policy in force; what is no number differs from nothing. */
export function changeOf(policy: Changeable, { watch, season, segments, ...figures }: Draft): PolicyChange {
  const change: PolicyChange = {};
  if (watch !== undefined && watch !== policy.watch) change.watch = watch;
  if (season !== undefined && season !== policy.season) change.season = season;
  if (segments !== undefined && segments !== policy.segments) change.segments = segments;
  for (const [name, text] of Object.entries(figures) as [Figure, string][]) {
    const value = text.trim() === "" ? NaN : Number(text);
    if (Number.isFinite(value) && value !== (policy[name] ?? FITS)) change[name] = value;
  }
  return change;
}
