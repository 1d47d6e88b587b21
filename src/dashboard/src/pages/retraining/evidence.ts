/** Evidence as a share of the way to its threshold. */

import type { Evidence } from "../../api/retraining";

/** 0 to 1. Evidence multiplies with each label, so that the way is that of its logarithm; below 1 it has not set out. */
export function wayOf({ value, threshold }: Pick<Evidence, "value" | "threshold">): number {
  if (!(1 < value) || !(1 < threshold)) return 0;
  return Math.min(1, Math.log(value) / Math.log(threshold));
}
