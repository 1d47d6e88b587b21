/** Moments that are drawn across a chart: drift that was detected, and drift that is over. */

import type uPlot from "uplot";
import { seconds } from "../store/windows";
import type { Colours } from "./colours";

export interface Marker {
  /** Unix seconds. */
  at: number;
  /** Up to when what begins here lasts, `null` while it goes on; left out where nothing begins. */
  until?: number | null;
  /** `false`: it is over. */
  detected: boolean;
  text: string;
  /** Goes to what it is about. */
  open: () => void;
}

/** Those within a window. */
export const markersIn = (markers: readonly Marker[], window: { start: string; end: string }): Marker[] =>
  markers.filter(({ at }) => seconds(window.start) <= at && at < seconds(window.end));

/** Pixels around the triangle at the top of a marker in which it can be hit. */
const REACH = { left: 7, top: 14 };

/** The marker whose triangle is at that place of the plot, in pixels; the nearest if there are several, `null` if there is none. */
export function markerAt(chart: Pick<uPlot, "valToPos">, markers: readonly Marker[], left: number, top: number): Marker | null {
  if (REACH.top < top) return null;
  const distance = (marker: Marker): number => Math.abs(chart.valToPos(marker.at, "x") - left);
  const near = markers.filter((marker) => distance(marker) <= REACH.left);
  return near.reduce<Marker | null>((best, marker) => (best === null || distance(marker) < distance(best) ? marker : best), null);
}

/** The stretches in which something that has begun goes on, each moment once; `null` as the end: it goes on. */
export function stretches(markers: readonly Marker[]): { from: number; until: number }[] {
  const begun = markers.flatMap(({ at, until }) => (until === undefined ? [] : [{ from: at, until: until ?? Infinity }]));
  const merged: { from: number; until: number }[] = [];
  for (const each of begun.sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && each.from <= last.until) last.until = Math.max(last.until, each.until);
    else merged.push(each);
  }
  return merged;
}

/** Shades the plot from where something begins to where it ends, or to the edge while it goes on. */
function shade(chart: uPlot, markers: readonly Marker[], colours: Colours): void {
  const { ctx, bbox } = chart;
  const edge = bbox.left + bbox.width;
  ctx.fillStyle = colours.drift;
  ctx.globalAlpha = 0.1;
  for (const stretch of stretches(markers)) {
    const from = Math.max(bbox.left, chart.valToPos(stretch.from, "x", true));
    const until = stretch.until === Infinity ? edge : Math.min(edge, chart.valToPos(stretch.until, "x", true));
    if (from < until) ctx.fillRect(from, bbox.top, until - from, bbox.height);
  }
  ctx.globalAlpha = 1;
}

/** A line down the plot with a triangle at its top, filled where drift begins and hollow where it ends. */
export function drawMarkers(chart: uPlot, markers: readonly Marker[], colours: Colours): void {
  const { ctx, bbox } = chart;
  const unit = devicePixelRatio;
  ctx.save();
  shade(chart, markers, colours);
  ctx.strokeStyle = colours.drift;
  ctx.lineWidth = unit;
  for (const { at, detected } of markers) {
    const x = Math.round(chart.valToPos(at, "x", true)) + 0.5;
    if (x < bbox.left || bbox.left + bbox.width < x) continue;
    ctx.fillStyle = detected ? colours.drift : colours.surface;
    ctx.setLineDash(detected ? [] : [2 * unit, 3 * unit]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x - 4 * unit, bbox.top);
    ctx.lineTo(x + 4 * unit, bbox.top);
    ctx.lineTo(x, bbox.top + 7 * unit);
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}
