/** A series as it was lately, with the band that is usual for it: a small picture whose figures stand in words beside it. */

import type { SeriesTrail } from "../../api/analysis";
import { duration } from "../../format/number";
import { quantity } from "../../format/quantity";
import { clock, moment } from "../../format/time";
import { t } from "../../i18n";
import { now } from "../../store/clock";
import { language } from "../../store/preferences";

const WIDTH = 240;
const HEIGHT = 56;
const AIR = 4;

interface Props {
  name: string;
  trail: SeriesTrail;
  /** The usual band; one that is open at an end reaches to the end of the picture. */
  low: number | null;
  high: number | null;
  unit: string | null;
  /** When something began; `null` marks nothing. */
  since?: string | null;
}

export function SeriesChart({ name, trail, low, high, unit, since = null }: Props) {
  const shape = shapeOf(trail, low, high, since === null ? null : Date.parse(since));
  if (shape === null) return null;
  const locale = language.value;
  const show = (value: number): string => quantity(locale, value, unit);
  const end = new Date(trail.end);
  const from = new Date(end.getTime() - trail.values.length * trail.step_seconds * 1_000);
  const label = t("series.chart", {
    name,
    from: moment(locale, from, now.value),
    to: clock(locale, end),
    step: duration(locale, trail.step_seconds),
    least: show(shape.least),
    most: show(shape.most),
  });
  return (
    <svg class="series-chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <title>{label}</title>
      {shape.band === null ? null : <rect class="band" x="0" width={WIDTH} y={shape.band.top} height={Math.max(1, shape.band.bottom - shape.band.top)} />}
      {shape.since === null ? null : <path class="since" d={`M${shape.since} 0V${HEIGHT}`} />}
      <path class="line" d={shape.line} />
      <circle class="at" cx={shape.last.x} cy={shape.last.y} r="2.5" />
    </svg>
  );
}

interface Shape {
  line: string;
  last: { x: number; y: number };
  band: { top: number; bottom: number } | null;
  /** Where something began; `null` outside of the picture. */
  since: number | null;
  least: number;
  most: number;
}

/** `null` without two points. */
export function shapeOf({ values, end, step_seconds: step }: SeriesTrail, low: number | null, high: number | null, since: number | null): Shape | null {
  if (values.length < 2) return null;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const known = [least, most, ...[low, high].filter((each) => each !== null)];
  const [bottom, top] = [Math.min(...known), Math.max(...known)];
  const y = (value: number): number => round(top === bottom ? HEIGHT / 2 : AIR + ((top - value) / (top - bottom)) * (HEIGHT - 2 * AIR));
  const x = (index: number): number => round(AIR + (index / (values.length - 1)) * (WIDTH - 2 * AIR));
  const points = values.map((value, index) => ({ x: x(index), y: y(value) }));
  const began = since === null ? null : x(values.length - 1 - (Date.parse(end) - since) / 1_000 / step);
  return {
    line: `M${points.map((point) => `${point.x} ${point.y}`).join("L")}`,
    last: points[points.length - 1]!,
    band: low === null && high === null ? null : { top: high === null ? 0 : y(high), bottom: low === null ? HEIGHT : y(low) },
    since: began === null || began < AIR || WIDTH - AIR < began ? null : began,
    least,
    most,
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;
