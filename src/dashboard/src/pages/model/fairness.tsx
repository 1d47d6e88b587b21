/** Whether the values of a segment are served alike, and which are served worse than the rest. */

import type { Fairness, Gap } from "../../api/fairness";
import { fairnessPath } from "../../api/paths";
import type { Estimate, ModelSummary } from "../../api/types";
import { points, pValue } from "../../format/drift";
import { count, MISSING, percent } from "../../format/number";
import { isKey, t } from "../../i18n";
import { Scroller } from "../../shell/scroller";
import { estimateText } from "../../shell/estimate";
import { Span } from "../../shell/time";
import { language } from "../../store/preferences";
import { usePulse, useReading } from "./reading";

/** Milliseconds between two readings: each looks through the panes of a day. */
const REREAD_MS = 30_000;

/** From this adjusted p-value down a segment is told apart; it holds for all segments that were looked at. */
const LEVEL = 0.05;

export function FairnessCards({ model }: { model: ModelSummary }) {
  const { body, failed } = useReading<Fairness>(fairnessPath(model.name), usePulse(model.changed_seq, REREAD_MS));
  if (failed !== null && body === null) return <p class="problem">{t("fairness.failed", { message: failed })}</p>;
  if (body === null) return null;
  return (
    <>
      <GapTable fairness={body} />
      <WorstTable fairness={body} />
    </>
  );
}

function Head({ id, title, fairness }: { id: string; title: string; fairness: Fairness }) {
  return (
    <div class="section-head">
      <h2 id={id}>{title}</h2>
      <p class="chart-window">
        <Span start={fairness.start} end={fairness.end} />
        {fairness.positive === null ? null : <> · {t("fairness.positive", { name: fairness.positive })}</>}
      </p>
    </div>
  );
}

function GapTable({ fairness }: { fairness: Fairness }) {
  const rows = fairness.segments.flatMap(({ name, gaps }) => Object.entries(gaps).map(([rate, gap]) => ({ name, rate, gap })));
  return (
    <section class="card" aria-labelledby="fairness-title">
      <Head id="fairness-title" title={t("fairness.title")} fairness={fairness} />
      {rows.length === 0 ? (
        <p class="quiet">{t("fairness.none", { n: count(language.value, fairness.rows_min) })}</p>
      ) : (
        <Scroller label={t("fairness.title")}>
          <table class="data">
            <thead>
              <tr>
                <th scope="col">{t("slices.segment")}</th>
                <th scope="col" class="left">
                  {t("fairness.rate")}
                </th>
                <th scope="col">{t("fairness.gap")}</th>
                <th scope="col">{t("fairness.highest")}</th>
                <th scope="col">{t("fairness.lowest")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ name, rate, gap }) => (
                <tr key={`${name} ${rate}`}>
                  <th scope="row">{name}</th>
                  <td class="left">{rateName(rate)}</td>
                  <td>
                    <Difference estimate={gap.difference} evident={isEvident(gap)} />
                  </td>
                  <td>{gap.highest}</td>
                  <td>{gap.lowest}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroller>
      )}
      <p class="quiet">{t("fairness.foot", { n: count(language.value, fairness.rows_min) })}</p>
    </section>
  );
}

function WorstTable({ fairness }: { fairness: Fairness }) {
  const locale = language.value;
  if (fairness.worst.length === 0) return null;
  return (
    <section class="card" aria-labelledby="worst-title">
      <Head id="worst-title" title={t("fairness.worst")} fairness={fairness} />
      <Scroller label={t("fairness.worst")}>
        <table class="data">
          <thead>
            <tr>
              <th scope="col">{t("slices.segment")}</th>
              <th scope="col">{t("fairness.wrong")}</th>
              <th scope="col">{t("fairness.beyondRest")}</th>
              <th scope="col">{t("fairness.adjusted")}</th>
            </tr>
          </thead>
          <tbody>
            {fairness.worst.map((segment) => {
              const { name, value, error_rate: rate } = segment;
              return (
                <tr key={`${name}:${value}`}>
                  <th scope="row">{`${name}:${value}`}</th>
                  <td>
                    {percent(locale, rate.value)} <small>{estimateText("error_rate", rate)}</small>
                  </td>
                  <td>
                    <Difference estimate={segment.difference} evident={segment.p_value_adjusted < LEVEL} />
                  </td>
                  <td>{pValue(locale, segment.p_value_adjusted)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroller>
      <p class="quiet">{t("fairness.worstFoot")}</p>
    </section>
  );
}

/** A difference of two rates in percentage points with its interval; in bold with a sign where it is evident. */
function Difference({ estimate, evident }: { estimate: Estimate; evident: boolean }) {
  const locale = language.value;
  if (estimate.value === null) return <span class="missing">{MISSING}</span>;
  const text = t("fairness.points", { points: points(locale, estimate.value) });
  const range = estimate.low === null || estimate.high === null ? "" : `${points(locale, estimate.low)} – ${points(locale, estimate.high)} · `;
  return (
    <>
      {evident ? <b class="drift-text">▲ {text}</b> : text} <small>{`${range}${t("value.n", { n: count(locale, estimate.n) })}`}</small>
    </>
  );
}

/** Whether the interval leaves out that there is no gap. */
const isEvident = ({ difference }: Gap): boolean => difference.low !== null && 0 < difference.low;

function rateName(rate: string): string {
  const key = `fairness.rate.${rate}`;
  return isKey(key) ? t(key) : rate;
}
