/** What the predictions of the reference suggest: a quarter worse than they were. */

import type { ModelThresholds } from "../../../api/thresholds";
import { figureText } from "../../../format/metric";
import { count } from "../../../format/number";
import { metricName, t } from "../../../i18n";
import { Scroller } from "../../../shell/scroller";
import { language } from "../../../store/preferences";
import { adopted, open } from "./draft";
import type { Changing } from ".";

export function Suggestions({ thresholds, changing }: { thresholds: ModelThresholds; changing: Changing | null }) {
  const locale = language.value;
  const offered = open(thresholds.suggested, thresholds.thresholds);
  return (
    <section class="card" aria-labelledby="suggested-title">
      <div class="section-head">
        <h2 id="suggested-title">{t("thresholds.suggested")}</h2>
        <p class="chart-window">{t("thresholds.suggestedNote")}</p>
      </div>
      {offered.length === 0 ? <p class="quiet pad">{t(thresholds.suggested.length === 0 ? "thresholds.noReference" : "thresholds.allSet")}</p> : null}
      {offered.length === 0 ? null : (
        <Scroller label={t("thresholds.suggested")}>
          <table class="data suggested">
            <thead>
              <tr>
                <th scope="col">{t("details.metric")}</th>
                <th scope="col">{t("thresholds.inReference")}</th>
                <th scope="col">{t("chart.threshold")}</th>
                {changing === null ? null : <th scope="col">{t("thresholds.change")}</th>}
              </tr>
            </thead>
            <tbody>
              {offered.map((each) => (
                <tr key={each.metric} data-metric={each.metric}>
                  <th scope="row">{metricName(each.metric)}</th>
                  <td>
                    {figureText(locale, each.metric, each.reference)} <small>{t("value.n", { n: count(locale, each.n) })}</small>
                  </td>
                  <td>{t(each.direction === "below" ? "thresholds.atLeast" : "thresholds.atMost", { value: figureText(locale, each.metric, each.value) })}</td>
                  {changing === null ? null : (
                    <td>
                      <button type="button" aria-label={t("thresholds.adoptOf", { name: metricName(each.metric) })} onClick={() => void changing.set([adopted(each)])}>
                        {t("thresholds.adopt")}
                      </button>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroller>
      )}
    </section>
  );
}
