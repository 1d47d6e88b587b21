/** What is shown: tab, range, zoom, version, segment, metric, column. Kept in the address, so that Back undoes the last click. */

import { computed } from "@preact/signals";
import { query, setQuery } from "../../route/route";
import { RANGE_NAMES, RANGES, resolutionFor, type RangeName, type Resolution } from "../../charts/resolution";
import type { View } from "../../charts/plot";
import { now } from "../../store/clock";

export type Range = { kind: "named"; name: RangeName } | { kind: "custom"; view: View };

export interface Focus {
  version: string | null;
  /** `name:value`. */
  segment: string | null;
}

export const TABS = ["performance", "drift", "quality", "thresholds", "segments"] as const;
export type Tab = (typeof TABS)[number];

/** The tab an address names; performance if it names none that there is. */
export const parseTab = (params: URLSearchParams): Tab => TABS.find((each) => each === params.get("tab")) ?? "performance";

export const tab = computed(() => parseTab(query.value));
export const showTab = (next: Tab): void => setQuery({ tab: next === "performance" ? null : next });

/** The column whose details are open, by its subject; `null` shows the first. */
export const column = computed(() => query.value.get("column"));
/** Widths, in seconds, of the drift windows besides that of the policy. */
export const DRIFT_WIDTHS = [3600, 86_400] as const;
/** `null`: as the policy has it. */
export const driftWidth = computed<number | null>(() => DRIFT_WIDTHS.find((width) => String(width) === query.value.get("width")) ?? null);

/** The drift window that is looked at, as `<start>/<end>`; `null` is the newest data. */
export const driftWindow = computed(() => query.value.get("window"));

/** What the distributions and tests of the report can be compared with. */
export const AGAINST = ["reference", "same_hour_of_week"] as const;
export type Against = (typeof AGAINST)[number];

/** What an address holds against; the reference if it names nothing that there is. */
export const parseAgainst = (params: URLSearchParams): Against => AGAINST.find((each) => each === params.get("against")) ?? "reference";

export const against = computed(() => parseAgainst(query.value));
export const holdAgainst = (next: Against): void => setQuery({ against: next === "reference" ? null : next });

/** What a range means in the address; one hour if it says nothing that makes sense. */
export function parseRange(params: URLSearchParams): Range {
  const [from, to] = [Date.parse(params.get("from") ?? ""), Date.parse(params.get("to") ?? "")];
  if (params.get("range") === "custom" && from < to) return { kind: "custom", view: { from: from / 1000, to: to / 1000 } };
  const name = RANGE_NAMES.find((each) => each === params.get("range"));
  return { kind: "named", name: name ?? "1h" };
}

export const range = computed(() => parseRange(query.value));
export const focus = computed<Focus>(() => ({ version: query.value.get("version"), segment: query.value.get("segment") }));
export const metric = computed(() => query.value.get("metric") ?? "accuracy");
/** Whether intervals are those that hold however often one looks, where there are such. */
export const everyLook = computed(() => query.value.get("interval") === "always");
export const showEveryLook = (on: boolean): void => setQuery({ interval: on ? "always" : null });
export const asTable = computed(() => query.value.get("view") === "table");

/** What `zoom=<from>/<to>` means, in Unix seconds; nothing if it makes no sense. */
export function parseZoom(params: URLSearchParams): View | null {
  const [from, to] = (params.get("zoom") ?? "").split("/").map(Number);
  return from !== undefined && to !== undefined && from < to ? { from, to } : null;
}

/** Drawn by hand inside the range; `null` shows all of it. */
export const zoom = computed(() => parseZoom(query.value));
export const resetZoom = (): void => setQuery({ zoom: null });

export const showRange = (name: RangeName): void => setQuery({ range: name === "1h" ? null : name, from: null, to: null, zoom: null });

export function showCustom(view: View): void {
  const text = (at: number): string => new Date(at * 1000).toISOString();
  setQuery({ range: "custom", from: text(view.from), to: text(view.to), zoom: null });
}

/** Version and segment exclude each other: the server keeps no figures of both at once for the asking. */
export const showFocus = (next: Focus): void => setQuery({ version: next.version, segment: next.segment });

/** Less than two minutes cannot show a line. */
const ZOOM_MIN = 120;

export function zoomTo(view: View): void {
  const middle = (view.from + view.to) / 2;
  const half = Math.max(ZOOM_MIN, view.to - view.from) / 2;
  setQuery({ zoom: `${Math.round(middle - half)}/${Math.round(middle + half)}` });
}

/** What is shown now, zoomed or not; moves with the end of a window, so that what is read for it holds a while. */
export const shown = computed<Shown>(() => shownAt(range.value, zoom.value, now.value.getTime() / 1000));

export interface Shown extends View {
  resolution: Resolution;
  /** Whether the right end is the present, so that new windows belong in it. */
  follows: boolean;
}

/** The view at `now` (Unix seconds). A named range ends with the window that is running, so it moves only when one ends. */
export function shownAt(range: Range, zoom: View | null, now: number): Shown {
  const base = range.kind === "custom" ? range.view : { from: now - RANGES[range.name], to: now };
  const chosen = zoom ?? base;
  const resolution = resolutionFor(chosen.to - chosen.from);
  if (zoom !== null || range.kind === "custom") return { ...chosen, resolution, follows: false };
  const to = Math.ceil(now / resolution) * resolution;
  return { from: to - RANGES[range.name], to, resolution, follows: true };
}
