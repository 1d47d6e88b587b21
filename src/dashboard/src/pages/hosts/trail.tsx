/** The last values of a series as a line, with its lowest, highest and newest value in words. */

import type { HostSeries } from "../../api/jobs";
import { t } from "../../i18n";
import { shownValue } from "./series";

const WIDTH = 240;
const HEIGHT = 36;

/** The points of a line through `values`, oldest first, within the box. */
export function lineOf(values: readonly [number, number][], width: number, height: number): string {
  const [first, last] = [values[0]![0], values[values.length - 1]![0]];
  const all = values.map(([, value]) => value);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (at: number): number => (first === last ? width : ((at - first) / (last - first)) * width);
  const y = (value: number): number => (high === low ? height / 2 : height - ((value - low) / (high - low)) * height);
  return values.map(([at, value], index) => `${index === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
}

export function Trail({ series }: { series: HostSeries }) {
  if (series.trail.length < 2) return <small>{t("hosts.noTrail")}</small>;
  const all = series.trail.map(([, value]) => value);
  const label = t("hosts.trail", {
    n: all.length,
    low: shownValue(series, Math.min(...all)),
    high: shownValue(series, Math.max(...all)),
    last: shownValue(series, series.value),
  });
  return (
    <svg class="spark wide" viewBox={`-1 -2 ${WIDTH + 2} ${HEIGHT + 4}`} role="img" aria-label={label}>
      <title>{label}</title>
      <path d={lineOf(series.trail, WIDTH, HEIGHT)} />
    </svg>
  );
}
