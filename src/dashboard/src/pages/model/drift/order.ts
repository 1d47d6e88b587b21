/** Which column comes first, and what was judged. Pure. */

import type { ColumnReport, ColumnStatus, DriftPolicy, DriftReport, Incident } from "../../../api/drift";
import { MISSING_MIN } from "../../../format/drift";

const FIRST: Record<ColumnStatus, number> = { drift: 0, stable: 1, no_data: 2, not_compared: 3 };
const collator = new Intl.Collator(undefined, { numeric: true });

/** Those that drift first, then by evidence; what could not be judged comes last, by name. */
export const ranked = (columns: readonly ColumnReport[]): ColumnReport[] =>
  [...columns].sort(
    (a, b) =>
      FIRST[a.status] - FIRST[b.status] ||
      (b.judged?.evidence ?? 0) - (a.judged?.evidence ?? 0) ||
      collator.compare(a.subject, b.subject),
  );

/** How many features drift, and how many there are. */
export function featuresDrifting(report: DriftReport): { drifting: number; of: number } {
  const features = report.columns.filter((column) => column.group === "feature");
  return { drifting: features.filter((column) => column.status === "drift").length, of: features.length };
}

export const drifting = (report: DriftReport | null): number => report?.columns.filter((column) => column.status === "drift").length ?? 0;

/** Rows of the other side: those of the reference, or of the hours it is compared with. */
export const rowsAgainst = (report: DriftReport): number => Math.max(0, ...report.columns.map((column) => column.reference.rows));

/** Nats from which on a change is worth a word before it is evident: chance alone shows as much in 1 of 20 windows. Few rows move by chance. */
export const SEEN_NATS = 3;

/** A change that matters and is not yet evident: seen, but not a drift. */
export const isSeen = ({ status, judged }: ColumnReport, policy: DriftPolicy): boolean =>
  status === "stable" &&
  judged !== null &&
  SEEN_NATS <= judged.evidence &&
  (policy.psi_threshold <= judged.psi || MISSING_MIN <= Math.abs(judged.missing_change));

/** Drift by its standing, though the last judged window was clean. */
export const isClean = ({ status, judged }: ColumnReport): boolean => status === "drift" && judged !== null && !judged.drift;

/** The incident of wrong answers that goes on in the version of the report. */
export const wrongAnswers = (report: DriftReport): Incident | null =>
  report.incidents.find(({ subject, end, versions }) => subject === "error" && end === null && versions.includes(report.version)) ?? null;
