/** A histogram as shares of both sides, so that a thousand reference rows and six hundred of now can be laid over each other. Pure. */

import type { Bin } from "../../../api/drift";

export interface Pair {
  bin: Bin;
  /** Share of all values of its side; `null` where that side has none. */
  reference: number | null;
  current: number | null;
}

export function pairsOf(bins: readonly Bin[]): Pair[] {
  const total = (side: "reference" | "current"): number => bins.reduce((sum, bin) => sum + bin[side], 0);
  const [before, now] = [total("reference"), total("current")];
  const share = (n: number, of: number): number | null => (of === 0 ? null : n / of);
  return bins.map((bin) => ({ bin, reference: share(bin.reference, before), current: share(bin.current, now) }));
}

/** The largest share of either side, at least a hundredth: what the longest bar stands for. */
export const tallest = (pairs: readonly Pair[]): number =>
  Math.max(0.01, ...pairs.flatMap(({ reference, current }) => [reference ?? 0, current ?? 0]));

/** At most `most` pairs: numbers in their order, categories by their larger share, and those that are left over as one. */
export function foremost(pairs: readonly Pair[], most: number): { pairs: Pair[]; rest: Pair | null; restCount: number } {
  if (pairs.length === 0 || pairs[0]!.bin.name === null) return { pairs: [...pairs], rest: null, restCount: 0 };
  const size = ({ reference, current }: Pair): number => Math.max(reference ?? 0, current ?? 0);
  const sorted = [...pairs].sort((a, b) => size(b) - size(a));
  if (sorted.length <= most) return { pairs: sorted, rest: null, restCount: 0 };
  const others = sorted.slice(most - 1);
  const sum = (side: "reference" | "current"): number => others.reduce((total, { bin }) => total + bin[side], 0);
  const share = (side: "reference" | "current"): number | null =>
    others.every((each) => each[side] === null) ? null : others.reduce((total, each) => total + (each[side] ?? 0), 0);
  const bin: Bin = { name: null, low: null, high: null, reference: sum("reference"), current: sum("current") };
  return {
    pairs: sorted.slice(0, most - 1),
    rest: { bin, reference: share("reference"), current: share("current") },
    restCount: others.length,
  };
}
