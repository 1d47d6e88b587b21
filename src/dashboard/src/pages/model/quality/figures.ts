/** How much of a column is there and in order, as shares. Pure. */

import type { ColumnReport, DriftWindow, Profile, WindowColumn } from "../../../api/drift";

/** What can be wrong with a value. The first two are shares of the rows, the others of the values that are there. */
export const FAULTS = ["missing", "mismatched", "out_of_range", "new_category"] as const;
export type Fault = (typeof FAULTS)[number];

type Counts = Pick<Profile, "present" | Fault>;

/** What a fault is counted among. */
export const among = (rows: number, counts: Counts, fault: Fault): number => (fault === "missing" || fault === "mismatched" ? rows : counts.present);

/** `null` where there is nothing it could be a share of. */
export function share(rows: number, counts: Counts, fault: Fault): number | null {
  const of = among(rows, counts, fault);
  return of === 0 ? null : counts[fault] / of;
}

/** Whether a column of that type can have that fault at all. */
export function applies(type: ColumnReport["type"], fault: Fault): boolean {
  if (fault === "out_of_range" || fault === "mismatched") return type === "numeric";
  return fault === "missing" || type === "categorical";
}

/** Share of the rows that are missing, of the wrong type, out of range or of a new category; `null` without rows. */
export function trouble(rows: number, counts: Counts): number | null {
  return rows === 0 ? null : Math.min(1, FAULTS.reduce((sum, fault) => sum + counts[fault], 0) / rows);
}

/** A smaller rise than this does not matter. */
const RISE_MIN = 0.01;

/** Standard errors that chance alone exceeds upwards about once in 30,000 times. */
const ERRORS_MIN = 4;

/**
 * Whether `now` of `n` is more than `before` of `m`: by a hundredth or more, and by more than four standard errors of the difference of two
 * proportions, `√(p (1 − p) (1/n + 1/m))` with the pooled share `p` and half a count added, so that a handful of rows raises nothing.
 */
export function risen(before: number, m: number, now: number, n: number): boolean {
  if (m === 0 || n === 0) return false;
  const rise = now / n - before / m;
  const pooled = (before + now + 0.5) / (m + n + 1);
  return RISE_MIN <= rise && ERRORS_MIN * Math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)) < rise;
}

/** Whether more of a column has that fault than in the reference. */
export const faultRisen = ({ reference, current }: ColumnReport, fault: Fault): boolean =>
  risen(reference[fault], among(reference.rows, reference, fault), current[fault], among(current.rows, current, fault));

/** By how much trouble has grown over the reference; `null` if either side has no rows. */
export function growth({ reference, current }: ColumnReport): number | null {
  const [before, now] = [trouble(reference.rows, reference), trouble(current.rows, current)];
  return before === null || now === null ? null : now - before;
}

/** Those first in which trouble has grown most; those of which nothing is known last. That of all features together is no data of anyone's. */
export const worstFirst = (columns: readonly ColumnReport[]): ColumnReport[] =>
  columns.filter((column) => column.group !== "multivariate").sort((a, b) => (growth(b) ?? -Infinity) - (growth(a) ?? -Infinity) || (a.subject < b.subject ? -1 : 1));

/** Trouble of one column window by window; `null` where there is no window or no row. */
export const troubleOver = (windows: readonly DriftWindow[], subject: string): (number | null)[] =>
  windows.map((window) => {
    const counts: WindowColumn | undefined = window.columns[subject];
    return counts === undefined ? null : trouble(window.predictions, counts);
  });

/** The path of `values` in a box, broken where one is missing, and the points that stand alone. The box always shows at least 5 %. */
export function trend(values: readonly (number | null)[], width: number, height: number): { line: string; dots: { x: number; y: number }[] } {
  const most = Math.max(0.05, ...values.map((value) => value ?? 0));
  const round = (value: number): number => Math.round(value * 10) / 10;
  const at = (index: number, value: number): { x: number; y: number } => ({
    x: round(2 + (values.length < 2 ? width - 4 : (index / (values.length - 1)) * (width - 4))),
    y: round(height - 2 - (value / most) * (height - 4)),
  });
  const runs: { x: number; y: number }[][] = [];
  let open = false;
  values.forEach((value, index) => {
    if (value === null) {
      open = false;
      return;
    }
    if (open) runs[runs.length - 1]!.push(at(index, value));
    else runs.push([at(index, value)]);
    open = true;
  });
  const last = runs[runs.length - 1];
  return {
    line: runs.filter((run) => 1 < run.length).map((run) => `M${run.map(({ x, y }) => `${x} ${y}`).join("L")}`).join(""),
    dots: [...runs.slice(0, -1).filter((run) => run.length === 1).map((run) => run[0]!), ...(last === undefined ? [] : [last[last.length - 1]!])],
  };
}
