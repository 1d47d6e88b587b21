/** How wide the windows of a chart are. Nobody picks it: it follows from how much time is shown. */

/** Seconds: the four widths the server keeps. */
export const RESOLUTIONS = [60, 300, 3600, 86_400] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** More points than this are finer than a chart's pixels. */
const POINTS_MAX = 750;

/** The finest width that shows `span` seconds in at most 750 windows; days for anything longer. */
export function resolutionFor(span: number): Resolution {
  return RESOLUTIONS.find((width) => span / width <= POINTS_MAX) ?? 86_400;
}

export const RANGES = { "15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 } as const;
export type RangeName = keyof typeof RANGES;
export const RANGE_NAMES = Object.keys(RANGES) as RangeName[];
