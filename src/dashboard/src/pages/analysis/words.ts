/** What a finding says, in the reader's language. */

import type { Finding } from "../../api/analysis";
import { change, quantity } from "../../format/quantity";
import { interval, decimal, percent } from "../../format/number";
import { moment } from "../../format/time";
import { isKey, metricName, t } from "../../i18n";
import { now } from "../../store/clock";
import { language } from "../../store/preferences";
import { subjectName } from "../model/drift/words";

/** `cpu_usage {core="0"}`; a drift's column as its own page names it; empty for what is of no one series. */
export function seriesText({ kind, series }: Pick<Finding, "kind"> & { series: Pick<NonNullable<Finding["series"]>, "name" | "labels"> | null }): string {
  if (series === null) return "";
  const name = kind === "drift" ? subjectName(series.name) : series.name;
  const pairs = Object.entries(series.labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 ? name : `${name} {${pairs.join(", ")}}`;
}

/** The unit a series was published with, else the one its name ends on, as names do in Prometheus; `null` if it has neither. */
export const unitOf = (series: { name: string; unit: string | null } | null): string | null => series?.unit ?? /_(percent|bytes|seconds|ratio)$/.exec(series?.name ?? "")?.[1] ?? null;

/** What was expected: the band or its one end, else the one value; `null` if the finding says nothing of it. */
export function expectedText({ expected, low, high, series }: Finding): string | null {
  const unit = unitOf(series);
  const show = (value: number): string => quantity(language.value, value, unit);
  if (low !== null && high !== null) return t("finding.expected", { value: interval(low, high, show) });
  if (high !== null) return t("finding.atMost", { value: show(high) });
  if (low !== null) return t("finding.atLeast", { value: show(low) });
  return expected === null ? null : t("finding.expected", { value: show(expected) });
}

/**
 * The server's own sentence in English; in other languages built from the figures, or the sentence where they are missing. Times in it are
 * those of the reader, as everywhere on the page.
 */
export function findingText(finding: Finding): string {
  if (language.value === "en" && finding.text !== "") return inLocalTime(finding.text);
  return sentence(finding) ?? inLocalTime(finding.text);
}

const inLocalTime = (text: string): string =>
  text.replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC/g, (_, day: string, time: string) => moment(language.value, new Date(`${day}T${time}Z`), now.value));

function sentence(finding: Finding): string | null {
  const { kind, value, expected, low, high, change_per_hour: perHour, started_at: since } = finding;
  const locale = language.value;
  const series = finding.series;
  const name = series === null ? finding.name : isKey(`metric.${series.name}`) ? metricName(series.name) : seriesText(finding);
  const unit = unitOf(series);
  const show = (figure: number): string => quantity(locale, figure, unit);
  switch (kind) {
    case "anomaly":
      return value === null || low === null || high === null ? null : t("finding.anomaly", { name, value: show(value), range: interval(low, high, show) });
    case "shift":
      return value === null || expected === null ? null : t("finding.shift", { name, before: show(expected), value: show(value) });
    case "leak":
    case "trend":
      return perHour === null ? null : t(`finding.${kind}`, { name, change: change(locale, perHour, unit) });
    case "silence":
      return t("finding.silence", { name: finding.name, time: moment(locale, new Date(since), now.value) });
    case "refused":
    case "unfit":
      return value === null ? null : t(`finding.${kind}`, { name: finding.name, share: percent(locale, value) });
    case "model_names":
    case "source_names":
      return value === null ? null : t(`finding.${kind}`, { name: finding.name, n: decimal(locale, value, 5) });
    // what is wrong and the way out are words of the process
    case "process":
      return null;
    case "drift":
      return t("finding.drift", { name });
  }
}

/** How sure it is, by the statistic that found it; `null` where there is none to tell. */
export function scoreText({ kind, score }: Finding): string | null {
  if (score === null) return null;
  const text = decimal(language.value, Math.abs(score), 3);
  if (kind === "anomaly" || kind === "shift") return t(score < 0 ? "finding.below" : "finding.above", { score: text });
  return kind === "leak" || kind === "trend" ? t("finding.mannKendall", { score: text }) : null;
}
