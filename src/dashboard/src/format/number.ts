/** Numbers as people read them. Missing is never 0: every function answers `–` for `null`. */

export type Locale = "en" | "ko";

export const MISSING = "–";

const cache = new Map<string, Intl.NumberFormat>();

function numberFormat(locale: Locale, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale + JSON.stringify(options);
  let format = cache.get(key);
  if (format === undefined) cache.set(key, (format = new Intl.NumberFormat(locale, options)));
  return format;
}

type Maybe = number | null | undefined;
const isMissing = (value: Maybe): value is null | undefined => value === null || value === undefined || !Number.isFinite(value);

/** Whole numbers: grouped below a million, compact above. */
export function count(locale: Locale, value: Maybe): string {
  if (isMissing(value)) return MISSING;
  return Math.abs(value) < 1e6
    ? numberFormat(locale, { maximumFractionDigits: 0 }).format(value)
    : numberFormat(locale, { notation: "compact", maximumSignificantDigits: 4 }).format(value);
}

/**
 * A fraction of 1 as per cent. One digit, two near the ends, and never rounded *onto* an end: 0.99997 is not 100 %, and a single
 * error in a million is not 0 %. Only exactly nothing and exactly all come without digits.
 */
export function percent(locale: Locale, value: Maybe): string {
  if (isMissing(value)) return MISSING;
  const distance = Math.min(Math.abs(value), Math.abs(1 - value));
  const digits = distance === 0 ? 0 : 0.01 <= distance ? 1 : 2;
  const format = percentFormat(locale, digits);
  if (value < 1 && 0.9999 < value) return `>${format.format(0.9999)}`;
  if (0 < value && value < 0.0001) return `<${format.format(0.0001)}`;
  return format.format(value);
}

const percentFormat = (locale: Locale, digits: number): Intl.NumberFormat =>
  numberFormat(locale, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A tick of an axis in per cent: no more digits than it needs. */
export const percentTick = (locale: Locale, value: number): string =>
  numberFormat(locale, { style: "percent", maximumFractionDigits: 2 }).format(value);

/** A tick of an axis as a plain number. */
export const numberTick = (locale: Locale, value: number): string => numberFormat(locale, { maximumSignificantDigits: 4 }).format(value);

/** `91.0–95.1%`: both ends of an interval of fractions with the same number of digits. */
export function percentRange(locale: Locale, low: Maybe, high: Maybe): string {
  if (isMissing(low) || isMissing(high)) return MISSING;
  const format = percentFormat(locale, high < 0.01 || 0.99 < low ? 2 : 1);
  return interval(low, high, (value) => format.format(value));
}

/** Scores such as AUC or kappa, and quantities such as RMSE: `digits` significant digits. */
export function decimal(locale: Locale, value: Maybe, digits = 4): string {
  if (isMissing(value)) return MISSING;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || 1e9 <= size)) {
    return numberFormat(locale, { notation: "scientific", maximumSignificantDigits: digits }).format(value);
  }
  if (size < 1) return numberFormat(locale, { minimumFractionDigits: digits - 1, maximumFractionDigits: digits - 1 }).format(value);
  return numberFormat(locale, { maximumSignificantDigits: Math.max(digits, Math.ceil(Math.log10(size + 1))) }).format(value);
}

/** Events per second; below one every ten seconds it is said per minute. */
export function perSecond(locale: Locale, value: Maybe, unit: { second: string; minute: string }): string {
  if (isMissing(value)) return MISSING;
  const [scaled, suffix] = value !== 0 && value < 0.1 ? [value * 60, unit.minute] : [value, unit.second];
  const digits = scaled < 10 ? 2 : scaled < 100 ? 1 : 0;
  const text = 1e6 <= scaled || scaled === 0 ? count(locale, scaled) : numberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(scaled);
  return `${text}${suffix}`;
}

/**
 * Seconds as the unit that reads best: `340 µs`, `45.0 ms`, `1.23 s`, `2 min 5 s`, `3 h 10 min`. Always three significant
 * digits, so that a moving figure keeps its width; a `tick` of an axis takes no more than it needs.
 */
export function duration(locale: Locale, value: Maybe, tick = false): string {
  if (isMissing(value)) return MISSING;
  const show = (scaled: number, unit: string): string =>
    `${numberFormat(locale, { minimumSignificantDigits: tick ? 1 : 3, maximumSignificantDigits: 3 }).format(scaled)} ${unit}`;
  if (value === 0) return "0 ms";
  if (value < 0.001) return show(value * 1e6, "µs");
  if (value < 0.9995) return show(value * 1e3, "ms");
  if (value < 59.95) return show(value, "s");
  const words = locale === "ko" ? { d: "일", h: "시간", m: "분", s: "초" } : { d: " d", h: " h", m: " min", s: " s" };
  const whole = Math.round(value);
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), words.d],
    [Math.floor(whole / 3600) % 24, words.h],
    [Math.floor(whole / 60) % 60, words.m],
    [whole % 60, words.s],
  ];
  const first = parts.findIndex(([amount]) => amount !== 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount !== 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(" ");
}

/** `91.0–95.1%`: an interval in the terms of `show`; missing if either end is. */
export function interval(low: Maybe, high: Maybe, show: (value: number) => string): string {
  if (isMissing(low) || isMissing(high)) return MISSING;
  const [from, to] = [show(low), show(high)];
  const unit = /[\s ]*[^\d.,]+$/u.exec(to)?.[0] ?? "";
  const short = unit !== "" && from.endsWith(unit) ? from.slice(0, -unit.length) : from;
  // A minus sign next to a dash cannot be read.
  return low < 0 ? `${short} – ${to}` : `${short}–${to}`;
}
