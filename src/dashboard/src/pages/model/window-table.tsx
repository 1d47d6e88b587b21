/** The charts' data as a table: the same windows, for reading instead of looking. */

import type { ModelSummary } from "../../api/types";
import { estimateOf, throughputOf, type Slots } from "../../charts/columns";
import { metricText } from "../../format/metric";
import { count, duration, MISSING, percent, perSecond } from "../../format/number";
import { t } from "../../i18n";
import { Span } from "../../shell/time";
import { now } from "../../store/clock";
import { estimateText } from "../../shell/estimate";
import { language } from "../../store/preferences";
import { metric } from "./view";
import { metricNameFor } from "./words";

const ROWS_MAX = 300;

export function WindowTable({ model, slots }: { model: ModelSummary; slots: Slots }) {
  const locale = language.value;
  const windows = slots.windows.filter((window) => window !== null).reverse();
  const chosen = metric.value;
  const at = now.value.getTime() / 1000;
  const figure = (window: (typeof windows)[number], name: string) => {
    const estimate = estimateOf(window, name);
    if (estimate === null || estimate.value === null) {
      return <td>{name !== "error_rate" && window.labelled === 0 ? <span class="missing">{t("value.noLabels")}</span> : MISSING}</td>;
    }
    return (
      <td>
        {metricText(locale, name, estimate.value)} <small>{estimateText(name, estimate)}</small>
      </td>
    );
  };
  return (
    <div class="card scroller" tabIndex={0} role="region" aria-label={t("table.caption")}>
      <table class="data">
        <caption class="visually-hidden">{t("table.caption")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("table.window")}</th>
            <th scope="col">{t("table.state")}</th>
            <th scope="col">{t("table.predictions")}</th>
            <th scope="col">{metricNameFor(model.task, chosen)}</th>
            <th scope="col">{t("column.coverage")}</th>
            <th scope="col">{t("column.errorRate")}</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">p99</th>
            <th scope="col">{t("column.throughput")}</th>
          </tr>
        </thead>
        <tbody>
          {windows.slice(0, ROWS_MAX).map((window) => (
            <tr key={window.start}>
              <th scope="row">
                <Span start={window.start} end={window.end} />
              </th>
              <td>
                {t(window.closed ? "table.closed" : "table.open")}
                {0 < window.revision ? <small> {t("chart.revision", { n: window.revision })}</small> : null}
              </td>
              <td>{count(locale, window.predictions)}</td>
              {figure(window, chosen)}
              <td>{percent(locale, window.coverage)}</td>
              {figure(window, "error_rate")}
              <td>{duration(locale, window.latency?.p50)}</td>
              <td>{duration(locale, window.latency?.p95)}</td>
              <td>{duration(locale, window.latency?.p99)}</td>
              <td>{perSecond(locale, throughputOf(window, at), { second: t("unit.second"), minute: t("unit.minute") })}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {windows.length === 0 ? <p class="notice quiet">{t("range.empty")}</p> : null}
      {ROWS_MAX < windows.length ? <p class="quiet">{t("table.first", { n: ROWS_MAX })}</p> : null}
    </div>
  );
}
