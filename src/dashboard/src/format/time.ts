/** Times in the reader's own zone; UTC is one hover away. */

import type { Locale } from "./number";

const cache = new Map<string, Intl.DateTimeFormat>();

function timeFormat(locale: Locale, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let format = cache.get(key);
  if (format === undefined) cache.set(key, (format = new Intl.DateTimeFormat(locale === "en" ? undefined : locale, options)));
  return format;
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const DAY = { month: "short", day: "numeric" } as const;

/** `14:05`. */
export const clock = (locale: Locale, at: Date): string => timeFormat(locale, CLOCK).format(at);

/** `14:05:09`. */
export const clockSeconds = (locale: Locale, at: Date): string => timeFormat(locale, { ...CLOCK, second: "2-digit" }).format(at);

/** `14:05` today, `Nov 20, 14:05` otherwise. */
export function moment(locale: Locale, at: Date, now: Date): string {
  return at.toDateString() === now.toDateString() ? clock(locale, at) : timeFormat(locale, { ...DAY, ...CLOCK }).format(at);
}

export const day = (locale: Locale, at: Date): string => timeFormat(locale, DAY).format(at);

/** `14:05–14:10`, with the date where it is not today; whole days as dates. */
export function span(locale: Locale, start: Date, end: Date, now: Date): string {
  const width = (end.getTime() - start.getTime()) / 1000;
  if (86_400 <= width) return `${moment(locale, start, now)} – ${moment(locale, end, now)}`;
  return `${moment(locale, start, now)}–${clock(locale, end)}`;
}

/** `2026-11-21 02:03:09 UTC`. */
export const utc = (at: Date): string => `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** `12 sec. ago`, in the largest unit that is at least one; `now` below ten seconds, which nobody can follow. */
export function ago(locale: Locale, at: Date, now: Date): string {
  const elapsed = Math.max(0, Math.round((now.getTime() - at.getTime()) / 1000));
  const units: [number, Intl.RelativeTimeFormatUnit][] = [
    [86_400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];
  if (elapsed < 10) return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(0, "second");
  const [size, unit] = units.find(([each]) => each <= elapsed) ?? [1, "second" as const];
  return new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "short" }).format(-Math.floor(elapsed / size), unit);
}

/** Unix seconds as a `datetime-local` field wants them: the reader's zone, no suffix. */
export function localField(at: number): string {
  const date = new Date(at * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
