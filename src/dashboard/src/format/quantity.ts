/** A value in the unit its series was published with. Missing is never 0. */

import { decimal, duration, MISSING, percent, type Locale } from "./number";

const SIZES = [
  [1e15, "PB"],
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
] as const;

/** `1.53 MB`: three significant digits, in powers of a thousand. */
function bytes(locale: Locale, value: number): string {
  const [size, unit] = SIZES.find(([least]) => least <= value) ?? [1, "B"];
  return `${new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 }).format(value / size)} ${unit}`;
}

/** How sizes of each unit read; a unit that is not here follows its number as it is. */
const UNITS: Record<string, (locale: Locale, size: number) => string> = {
  seconds: duration,
  s: duration,
  milliseconds: (locale, size) => duration(locale, size / 1000),
  ms: (locale, size) => duration(locale, size / 1000),
  bytes,
  b: bytes,
  percent: (locale, size) => `${decimal(locale, size, 3)}%`,
  "%": (locale, size) => `${decimal(locale, size, 3)}%`,
  ratio: percent,
};

export function quantity(locale: Locale, value: number | null | undefined, unit: string | null): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  const [whole, base, per] = /^(.+?)(\/\w+|_per_\w+)?$/.exec(unit ?? "") ?? [null, null, null];
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (whole === null || base === null || base === undefined) return sign + decimal(locale, size);
  const known = UNITS[base.toLowerCase()];
  const rate = per === undefined || per === null ? "" : per.replace(/^_per_/, "/");
  return sign + (known === undefined ? `${decimal(locale, size)} ${whole}` : known(locale, size) + rate);
}

/** `+1.5 MB`: a change, with its sign. */
export function change(locale: Locale, value: number | null, unit: string | null): string {
  const text = quantity(locale, value, unit);
  return value !== null && 0 < value ? `+${text}` : text;
}
