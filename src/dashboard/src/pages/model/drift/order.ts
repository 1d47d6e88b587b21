/** Which column comes first, and what was judged. Pure. */

import type { ColumnReport, ColumnStatus, DriftReport } from "../../../api/drift";

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
