/** What a figure rests on: its 95 % interval and its n. */

import type { Estimate } from "../api/types";
import { metricRange } from "../format/metric";
import { count } from "../format/number";
import { t } from "../i18n";
import { language } from "../store/preferences";

/** `91.0–95.1% · n = 312`; without an interval only n. */
export function estimateText(metric: string, estimate: Estimate): string {
  const n = t("value.n", { n: count(language.value, estimate.n) });
  return estimate.low === null || estimate.high === null ? n : `${rangeOf(metric, estimate)} · ${n}`;
}

/** The same in two parts, which a narrow cell sets below each other. */
export function EstimateNote({ metric, estimate }: { metric: string; estimate: Estimate | null }) {
  if (estimate === null) return null;
  return (
    <>
      {estimate.low === null || estimate.high === null ? null : (
        <span class="range">
          {rangeOf(metric, estimate)}
          <span class="dot"> · </span>
        </span>
      )}
      <span class="n">{t("value.n", { n: count(language.value, estimate.n) })}</span>
    </>
  );
}

const rangeOf = (metric: string, estimate: Estimate): string => metricRange(language.value, metric, estimate.low, estimate.high);
