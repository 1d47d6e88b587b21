/** Words in the reader's language. Reading `t` inside a component follows a change of language by itself. */

import { language } from "../store/preferences";
import type { Locale } from "../format/number";
import { en, type Key } from "./en";
import { ko } from "./ko";

export type { Key };

export const DICTIONARIES: Record<Locale, Record<Key, string>> = { en, ko };

/** The text of `key` with `{name}` replaced by `params.name`; what is not given stays visible as it is. */
export const t = (key: Key, params?: Record<string, string | number>): string => fill(DICTIONARIES[language.value][key], params);

export const fill = (text: string, params: Record<string, string | number> = {}): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(params, name) ? String(params[name]) : whole));

/** Whether `text` is a key, so that a metric nobody has named yet can be shown by its own name. */
export const isKey = (text: string): text is Key => Object.hasOwn(en, text);

/** A metric's name in words; its own name if the dictionaries do not know it, as those of named samples. */
export const metricName = (metric: string): string => {
  const key = `metric.${metric}`;
  if (isKey(key)) return t(key);
  const [family, ...rest] = metric.split("/");
  const of = rest.join("/");
  if (family === "sample") return of;
  const familyKey = `metric.${family}`;
  return isKey(familyKey) && of !== "" ? `${t(familyKey)} (${of})` : metric;
};
