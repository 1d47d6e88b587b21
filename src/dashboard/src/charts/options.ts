/** uPlot's options for one `ChartSpec`. A line is two series: closed windows solid, open ones dashed with hollow points. */

import type uPlot from "uplot";
import type { Locale } from "../format/number";
import { clock, day } from "../format/time";
import type { Colours } from "./colours";
import { closedPart, openPart, type Column, type Slots } from "./columns";
import { drawMarkers, type Marker } from "./markers";
import type { Band, ChartSpec } from "./spec";

export const HEIGHT = 190;
/** A share lies in a strip at the bottom, an eighth of the plot high: at the full height it would be a wall over bands and lines. */
const SHARE_STRIP = 8;
const FONT = "11px system-ui, sans-serif";

const bandsOf = (spec: ChartSpec): readonly Band[] => spec.bands ?? [];

/** The columns in the order of `seriesOf`: time, bands, then closed and open part of each line, then the threshold. */
export function dataOf(slots: Slots, spec: ChartSpec): uPlot.AlignedData {
  const columns: Column[] = [];
  for (const band of bandsOf(spec)) columns.push(band.high, band.low);
  for (const line of spec.lines) columns.push(closedPart(slots, line.values), openPart(slots, line.values));
  return [slots.x, ...columns] as uPlot.AlignedData;
}

/** Charts of the same shape can take each other's data; of another shape they are built anew. */
export const shapeOf = (spec: ChartSpec): string =>
  JSON.stringify([bandsOf(spec).map((band) => band.fill), spec.threshold ?? null, spec.lines.map((line) => [line.name, line.colour, line.share === true])]);

function seriesOf(spec: ChartSpec, colours: Colours): uPlot.Series[] {
  const series: uPlot.Series[] = [{}];
  const none = { show: false } as const;
  for (const _ of bandsOf(spec)) series.push({ points: none, stroke: "transparent" }, { points: none, stroke: "transparent" });
  for (const line of spec.lines) {
    const stroke = colours[line.colour];
    const scale = line.share === true ? "share" : "y";
    const width = line.share === true ? 1 : 1.75;
    series.push({
      scale,
      stroke,
      width,
      ...(line.share === true ? { fill: colours.area } : {}),
      spanGaps: false,
      points: { show: true, size: 5, fill: stroke, stroke, filter: lonely },
    });
    series.push({
      scale,
      stroke,
      width,
      dash: [4, 4],
      spanGaps: false,
      points: { show: true, size: 7, width: 1.5, fill: colours.surface, stroke, filter: ends, ...(line.share === true ? none : {}) },
    });
  }
  return series;
}

/** Points with a gap on both sides: no line would show them. */
const lonely: uPlot.Series.Points.Filter = (chart, index) => {
  const column = chart.data[index] as Column;
  const dashed = chart.data[index + 1] as Column;
  return column.flatMap((value, at) =>
    value !== null && (column[at - 1] ?? null) === null && (column[at + 1] ?? null) === null && (dashed[at] ?? null) === null ? [at] : [],
  );
};

/** The open windows themselves, not the closed point their line starts from. */
const ends: uPlot.Series.Points.Filter = (chart, index) => {
  const solid = chart.data[index - 1] as Column;
  return (chart.data[index] as Column).flatMap((value, at) => (value !== null && (solid[at] ?? null) === null ? [at] : []));
};

/** The data's own extent with a tenth of air, within what is possible, and never quite flat; without data all that is possible. */
export function yRange(low: number | null, high: number | null, spec: Pick<ChartSpec, "least" | "most" | "threshold" | "zero">): [number, number] {
  if (low === null || high === null) return [Math.max(0, spec.least), Number.isFinite(spec.most) ? spec.most : 1];
  const limits = [low, high, spec.threshold, spec.zero === true ? 0 : null].filter((value): value is number => value !== null && value !== undefined && Number.isFinite(value));
  const [least, most] = [Math.min(...limits), Math.max(...limits)];
  const size = most - least || Math.abs(most) * 0.1 || 0.02;
  return [Math.max(spec.least, least - size * 0.1), Math.min(spec.most, most + size * 0.1)];
}

export interface Handlers {
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
  /** Pixels from the left of the plot, to where the cursor line snaps. */
  snap: (left: number) => number;
  markers: () => readonly Marker[];
}

export function optionsOf(spec: ChartSpec, colours: Colours, locale: Locale, width: number, handlers: Handlers): uPlot.Options {
  const axis: uPlot.Axis = {
    font: FONT,
    stroke: colours.muted,
    grid: { stroke: colours.line, width: 1 },
    ticks: { show: false },
    border: { show: false },
  };
  const hasShare = spec.lines.some((line) => line.share === true);
  return {
    width,
    height: HEIGHT,
    padding: [8, hasShare ? 0 : 20, 0, 0],
    legend: { show: false },
    series: seriesOf(spec, colours),
    bands: bandsOf(spec).map(({ fill }, index) => ({ series: [1 + 2 * index, 2 + 2 * index], fill: colours[fill] })),
    scales: {
      x: { time: true, auto: false },
      y: { range: (_chart, low, high) => yRange(low, high, spec) },
      share: { range: [0, SHARE_STRIP] },
    },
    axes: [
      { ...axis, space: 64, size: 26, grid: { show: false }, values: (_chart, splits, _axis, _space, step) => splits.map((at) => timeTick(locale, at, step)) },
      { ...axis, size: 58, space: 34, values: (_chart, splits) => splits.map((value) => spec.show(value)) },
      {
        ...axis,
        show: hasShare,
        scale: "share",
        side: 1,
        size: 44,
        grid: { show: false },
        splits: () => [1],
        values: (_chart, splits) => splits.map((value) => `${value * 100}%`),
      },
    ],
    cursor: {
      y: false,
      move: (_chart, left, top) => [left < 0 ? left : handlers.snap(left), top],
      // What uPlot takes for a drag is any click beside the point that the cursor has snapped to; `listen` tells them apart.
      drag: { x: true, y: false, setScale: false, dist: 6, click: () => undefined },
      points: { size: (_chart, index) => (index <= 2 * bandsOf(spec).length ? 0 : 8), width: 2, fill: colours.surface },
      bind: {
        dblclick: () => () => {
          handlers.onReset();
          return null;
        },
      },
    },
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width: size } = chart.select;
          if (6 < size) handlers.onZoom(chart.posToVal(left, "x"), chart.posToVal(left + size, "x"));
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      draw: [(chart) => drawThreshold(chart, spec, colours), (chart) => drawMarkers(chart, handlers.markers(), colours)],
    },
  };
}

function drawThreshold(chart: uPlot, spec: ChartSpec, colours: Colours): void {
  if (spec.threshold === null || spec.threshold === undefined) return;
  const { ctx, bbox } = chart;
  const y = Math.round(chart.valToPos(spec.threshold, "y", true)) + 0.5;
  if (y < bbox.top || bbox.top + bbox.height < y) return;
  ctx.save();
  ctx.strokeStyle = colours.threshold;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

function timeTick(locale: Locale, at: number, step: number): string {
  const date = new Date(at * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  return 86_400 <= step || midnight ? day(locale, date) : clock(locale, date);
}
