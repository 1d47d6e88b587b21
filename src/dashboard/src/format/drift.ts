/** Effects, evidence and p-values as people read them. Missing is never 0. */

import { count, MISSING, type Locale } from "./number";

/** A change of the share of missing values that counts, and so is worth a word. */
export const MISSING_MIN = 0.01;

type Maybe = number | null | undefined;
const isMissing = (value: Maybe): value is null | undefined => value === null || value === undefined || !Number.isFinite(value);

const fixed = (locale: Locale, value: number, digits: number): string =>
  new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

/** A distance such as the population stability index: two digits, and what is there is never rounded to nothing. */
export function effect(locale: Locale, value: Maybe): string {
  if (isMissing(value)) return MISSING;
  if (0 < value && value < 0.005) return `<${fixed(locale, 0.01, 2)}`;
  return value < 10 ? fixed(locale, value, 2) : fixed(locale, value, 1);
}

/** Nats: one digit, none from a hundred on. */
export function nats(locale: Locale, value: Maybe): string {
  if (isMissing(value)) return MISSING;
  return value < 100 ? fixed(locale, value, 1) : count(locale, Math.round(value));
}

/** A p-value or its threshold: plain down to a thousandth, by its power of ten below. */
export function pValue(locale: Locale, value: Maybe): string {
  if (isMissing(value)) return MISSING;
  if (value === 0) return "<1E-300";
  if (value < 0.001) return new Intl.NumberFormat(locale, { notation: "scientific", maximumSignificantDigits: 2 }).format(value);
  return fixed(locale, value, 3);
}

/** `+1.2`: a difference of two fractions in percentage points, without the unit. */
export function points(locale: Locale, value: Maybe): string {
  if (isMissing(value)) return MISSING;
  const digits = Math.abs(value) < 0.0095 ? 2 : 1;
  return new Intl.NumberFormat(locale, { signDisplay: "exceptZero", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value * 100);
}

/** `1 in 380,000`: the chance `e^−evidence` as its one in how many; three digits say enough. */
export const oneIn = (locale: Locale, evidence: number): string => {
  const times = Math.exp(evidence);
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: 2, ...(1e6 <= times ? { notation: "compact" } : {}) }).format(times);
};
