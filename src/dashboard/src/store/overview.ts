/** The list of models as frames build it: a pure fold, so that scrolling, disorder and coming back are testable. */

import type { Facets, Line, OverviewRow, OverviewSummary, TrailMinute } from "../api/overview";
import type { DataFrame, Epoch } from "../live/frames";
import type { Step } from "./models";

export interface Overview {
  /** `null` before the first snapshot. */
  epoch: Epoch | null;
  summary: OverviewSummary | null;
  facets: Facets;
  list: ListInView;
  /** Of the rows in view, and of those that just left it. */
  rows: ReadonlyMap<string, OverviewRow>;
}

/** The part of the list that the server was asked for. */
export interface ListInView {
  first: number;
  lines_total: number;
  models_total: number;
  lines: readonly Line[];
}

export const noOverview: Overview = {
  epoch: null,
  summary: null,
  facets: { tags: {}, owners: {} },
  list: { first: 0, lines_total: 0, models_total: 0, lines: [] },
  rows: new Map(),
};

type Incoming = Partial<OverviewRow> & { name: string; trail_add?: TrailMinute[] };

interface OverviewData {
  summary?: OverviewSummary;
  facets?: Facets;
  list?: ListInView;
  rows?: Incoming[];
}

/** Minutes of a sparkline. */
const TRAIL_MINUTES = 60;

/** A snapshot replaces everything; a change needs one of its own epoch before it, otherwise `resync`. */
export function foldOverview(state: Overview, frame: DataFrame): Step<Overview> {
  const data = frame.data as OverviewData;
  const base = frame.type === "snapshot" ? { ...noOverview, epoch: frame.epoch } : state;
  if (base.epoch !== frame.epoch) return { state: noOverview, verdict: "resync" };
  const rows = new Map(base.rows);
  for (const incoming of data.rows ?? []) {
    const row = merged(rows.get(incoming.name), incoming);
    if (row !== null) rows.set(row.name, row);
  }
  const list = data.list ?? base.list;
  if (data.list !== undefined) forget(rows, base.list.lines, list.lines);
  return {
    state: { epoch: frame.epoch, summary: data.summary ?? base.summary, facets: data.facets ?? base.facets, list, rows },
    verdict: "applied",
  };
}

/** `held` with what came of it; `null` for a difference to a row that we do not hold. */
function merged(held: OverviewRow | undefined, { trail_add: added, ...fields }: Incoming): OverviewRow | null {
  if (held === undefined && fields.status === undefined) return null;
  const row = { ...held, trail: held?.trail ?? [], ...fields } as OverviewRow;
  return added === undefined ? row : { ...row, trail: withPoints(held?.trail ?? [], added) };
}

/** A sparkline with points that are new or were corrected, of the hour up to its newest. */
export function withPoints(trail: readonly TrailMinute[], added: readonly TrailMinute[]): TrailMinute[] {
  const byMinute = new Map([...trail, ...added].map((point) => [point[0], point]));
  const points = [...byMinute.values()].sort((a, b) => a[0] - b[0]);
  return points.slice(-TRAIL_MINUTES);
}

/** Rows that are neither in view nor were a moment ago: the server tells them anew when they come back. */
function forget(rows: Map<string, OverviewRow>, before: readonly Line[], now: readonly Line[]): void {
  const kept = new Set([...before, ...now]);
  for (const name of rows.keys()) if (!kept.has(name)) rows.delete(name);
}
