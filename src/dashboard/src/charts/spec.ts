/** What a chart shows, apart from how it is drawn. */

import type { Token } from "./colours";
import type { Column } from "./columns";

export interface Line {
  name: string;
  colour: Token;
  values: Column;
  /** Filled to the bottom, on a scale of its own from 0 to 1 at the right. */
  share?: boolean;
}

export interface Band {
  low: Column;
  high: Column;
  fill: Token;
}

export interface ChartSpec {
  lines: Line[];
  /** Intervals, in the order of the lines they are of. */
  bands?: Band[];
  threshold?: number | null;
  /** Whether the axis begins at zero. */
  zero?: boolean;
  /** Text of a value on the left axis. */
  show: (value: number) => string;
  /** Where values can lie at all: a share stays within 0 and 1. */
  least: number;
  most: number;
}
