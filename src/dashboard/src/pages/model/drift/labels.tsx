/** Labels in the order in which they arrive: how often the model was wrong at first and lately, and what the detectors say. */

import type { Detector, DriftReport } from "../../../api/drift";
import { count, decimal, percent } from "../../../format/number";
import { t } from "../../../i18n";
import { Scroller } from "../../../shell/scroller";
import { estimateText } from "../../../shell/estimate";
import { language } from "../../../store/preferences";
import type { Estimate } from "../../../api/types";
import { detectorName, subjectName } from "./words";

export function LabelCard({ labels }: { labels: DriftReport["labels"] }) {
  const locale = language.value;
  return (
    <section class="card labels" aria-labelledby="labels-title">
      <div class="section-head">
        <h2 id="labels-title">{t("labels.title")}</h2>
        <p class="chart-window">{t("value.n", { n: count(locale, labels.arrived) })}</p>
      </div>
      <dl class="facts">
        <Rate name={t("labels.baseline")} estimate={labels.baseline} />
        <Rate name={t("labels.recent")} estimate={labels.recent} />
      </dl>
      {labels.detectors.length === 0 ? (
        <p class="quiet">{t("labels.none")}</p>
      ) : (
        <Scroller label={t("labels.detectors")}>
          <table class="data">
            <caption>{t("labels.detectors")}</caption>
            <thead>
              <tr>
                <th scope="col">{t("labels.detector")}</th>
                <th scope="col" class="left">
                  {t("table.state")}
                </th>
                <th scope="col">{t("labels.score")}</th>
                <th scope="col">{t("labels.seen")}</th>
                <th scope="col">{t("labels.alarms")}</th>
              </tr>
            </thead>
            <tbody>
              {labels.detectors.map((detector) => (
                <Row key={`${detector.detector} ${detector.input}`} detector={detector} />
              ))}
            </tbody>
          </table>
        </Scroller>
      )}
    </section>
  );
}

function Rate({ name, estimate }: { name: string; estimate: Estimate }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {estimate.value === null ? (
          <span class="missing">{t("value.noLabels")}</span>
        ) : (
          <>
            <b>{percent(language.value, estimate.value)}</b> <small>{estimateText("error_rate", estimate)}</small>
          </>
        )}
      </dd>
    </div>
  );
}

function Row({ detector }: { detector: Detector }) {
  const locale = language.value;
  const { score, threshold } = detector;
  return (
    <tr>
      <th scope="row">
        {detectorName(detector.detector)} <small>{t("detector.on", { name: subjectName(detector.input) })}</small>
      </th>
      <td class="left">
        <span class={`detector-state ${detector.state}`}>{t(`detector.state.${detector.state}`)}</span>
      </td>
      <td>
        {decimal(locale, score, 3)} {threshold === null ? null : <small>{t("labels.against", { threshold: decimal(locale, threshold, 3) })}</small>}
      </td>
      <td>{count(locale, detector.seen)}</td>
      <td>{count(locale, detector.alarms)}</td>
    </tr>
  );
}
