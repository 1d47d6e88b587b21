/** The path of a sparkline: accuracy per minute, broken where minutes or labels are missing. */

import type { TrailMinute } from "../api/overview";

export interface Trail {
  /** SVG path data in a box of `width` × `height`. */
  line: string;
  /** Points that stand alone, which no line would show, and the newest one. */
  dots: { x: number; y: number }[];
  first: number;
  last: number;
  low: number;
  high: number;
}

const MINUTES = 60;

/** A flat line should look flat: the box never spans less than this much accuracy. */
const SPAN_MIN = 0.05;

/** The newest minutes have few labels and swing from 0 to 1; they are drawn, but only minutes with this many set the scale. */
const LABELS_MIN = 5;

/** `null` if no window of the trail has any labels. */
export function trailOf(points: readonly TrailMinute[], width: number, height: number): Trail | null {
  const known = points.flatMap(([minute, accuracy, labelled]) => (accuracy === null ? [] : [{ minute, accuracy, labelled }]));
  if (known.length === 0) return null;
  const values = known.map((point) => point.accuracy);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const steady = known.filter((point) => LABELS_MIN <= point.labelled).map((point) => point.accuracy);
  const [least, most] = steady.length === 0 ? [low, high] : [Math.min(...steady), Math.max(...steady)];
  const slack = Math.max(0, SPAN_MIN - (most - least)) / 2;
  const [bottom, top] = [least - slack, most + slack];
  const newest = points[points.length - 1]![0];
  const place = ({ minute, accuracy }: { minute: number; accuracy: number }): { at: number; x: number; y: number } => ({
    at: minute,
    x: round(2 + (1 - (newest - minute) / (MINUTES - 1)) * (width - 4)),
    y: round(2 + Math.min(1, Math.max(0, (top - accuracy) / (top - bottom))) * (height - 4)),
  });
  const runs: { at: number; x: number; y: number }[][] = [];
  for (const point of known.map(place)) {
    const run = runs[runs.length - 1];
    if (run !== undefined && point.at - run[run.length - 1]!.at <= 1) run.push(point);
    else runs.push([point]);
  }
  const lastRun = runs[runs.length - 1]!;
  return {
    line: runs
      .filter((run) => 1 < run.length)
      .map((run) => `M${run.map(({ x, y }) => `${x} ${y}`).join("L")}`)
      .join(""),
    dots: [...runs.slice(0, -1).filter((run) => run.length === 1).map((run) => run[0]!), lastRun[lastRun.length - 1]!],
    first: values[0]!,
    last: values[values.length - 1]!,
    low,
    high,
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;
