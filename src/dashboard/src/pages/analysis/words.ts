/** What a finding says, in the reader's language. */

import type { Finding } from "../../api/analysis";
import { change, quantity } from "../../format/quantity";
import { interval, decimal } from "../../format/number";
import { moment } from "../../format/time";
import { t } from "../../i18n";
import { now } from "../../store/clock";
import { language } from "../../store/preferences";

/** `cpu_usage {core="0"}`. */
export function seriesText({ name, labels }: Finding["series"]): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 ? name : `${name} {${pairs.join(", ")}}`;
}

/** What was expected: the band or its one end, else the one value; `null` if the finding says nothing of it. */
export function expectedText({ expected, low, high, series: { unit } }: Finding): string | null {
  const show = (value: number): string => quantity(language.value, value, unit);
  if (low !== null && high !== null) return t("finding.expected", { value: interval(low, high, show) });
  if (high !== null) return t("finding.atMost", { value: show(high) });
  if (low !== null) return t("finding.atLeast", { value: show(low) });
  return expected === null ? null : t("finding.expected", { value: show(expected) });
}

/** The server's own sentence in English; in other languages built from the figures, or the sentence where they are missing. */
export function findingText(finding: Finding): string {
  if (language.value === "en" && finding.text !== "") return finding.text;
  const built = sentence(finding);
  return built ?? finding.text;
}

function sentence({ kind, value, expected, low, high, change_per_hour: perHour, last_at, series }: Finding): string | null {
  const locale = language.value;
  const show = (figure: number): string => quantity(locale, figure, series.unit);
  switch (kind) {
    case "anomaly":
      return value === null || low === null || high === null ? null : t("finding.anomaly", { value: show(value), range: interval(low, high, show) });
    case "shift":
      return value === null || expected === null ? null : t("finding.shift", { before: show(expected), value: show(value) });
    case "leak":
    case "trend":
      return perHour === null ? null : t(`finding.${kind}`, { change: change(locale, perHour, series.unit) });
    case "silence":
      return t("finding.silence", { time: moment(locale, new Date(last_at), now.value) });
    case "drift":
      return t("finding.drift");
  }
}

/** How sure it is, by the statistic that found it; `null` where there is none to tell. */
export function scoreText({ kind, score }: Finding): string | null {
  if (score === null) return null;
  const text = decimal(language.value, score, 3);
  if (kind === "anomaly" || kind === "shift") return t("finding.deviations", { score: text });
  return kind === "leak" || kind === "trend" ? t("finding.mannKendall", { score: text }) : null;
}
