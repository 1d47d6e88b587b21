/** A challenger beside the version that serves: on the same rows, with intervals, and the evidence for it. */

import type { Evidence, Measured, TrainedVersion } from "../../api/retraining";
import { metricRange, metricText } from "../../format/metric";
import { count, decimal, MISSING } from "../../format/number";
import { metricName, t } from "../../i18n";
import { Scroller } from "../../shell/scroller";
import { language } from "../../store/preferences";
import { wayOf } from "./evidence";

/** Features that are shown of those a model goes by. */
const FEATURES_SHOWN = 10;

export function EvidenceBar({ label, evidence }: { label: string; evidence: Evidence }) {
  const { value, threshold, labels, mean_advantage, labels_left } = evidence;
  const figure = (number: number | null): string => decimal(language.value, number, 3);
  const left = labels_left === null ? t("retrain.noGuess") : t("retrain.labelsLeft", { n: count(language.value, labels_left) });
  return (
    <div class="evidence">
      <span>{label}</span>
      <progress max={1} value={wayOf(evidence)} aria-label={label} />
      <span>
        {t("retrain.evidenceOf", { value: figure(value), threshold: figure(threshold) })}{" "}
        <span class="quiet">
          {t("retrain.evidenceLabels", { labels: count(language.value, labels), mean: figure(mean_advantage) })}
          {value < threshold ? ` · ${left}` : ""}
        </span>
      </span>
    </div>
  );
}

export function Challenger({ version }: { version: TrainedVersion }) {
  return (
    <article class="card challenger" aria-label={version.version}>
      <h3>
        {version.version} <small class="quiet">{`${version.algorithm} · ${t(`retrain.standing.${version.standing}`)}`}</small>
      </h3>
      <EvidenceBar label={t("retrain.evidence", { version: version.version })} evidence={version.evidence} />
      <Metrics version={version} />
      <h4>{t("retrain.objections")}</h4>
      {version.objections.length === 0 ? (
        <p class="quiet">{t("retrain.gatesPass")}</p>
      ) : (
        <ul>
          {version.objections.map(({ code, detail }) => (
            <li key={code}>{detail}</li>
          ))}
        </ul>
      )}
      <Segments version={version} />
      {version.importance.length === 0 ? null : (
        <>
          <h4>{t("retrain.importance")}</h4>
          <p>
            {version.importance
              .slice(0, FEATURES_SHOWN)
              .map(({ feature, value }) => `${feature} ${decimal(language.value, value, 3)}`)
              .join(" · ")}
          </p>
        </>
      )}
      {version.warnings.length === 0 ? null : (
        <>
          <h4>{t("retrain.warnings")}</h4>
          <ul>
            {version.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </>
      )}
    </article>
  );
}

function Metrics({ version }: { version: TrainedVersion }) {
  const names = [...new Set([...Object.keys(version.champion_metrics), ...Object.keys(version.metrics)])];
  return (
    <Scroller label={t("retrain.metric", { n: count(language.value, version.holdout_rows) })}>
      <table class="jobs-table">
        <thead>
          <tr>
            <th scope="col">{t("retrain.metric", { n: count(language.value, version.holdout_rows) })}</th>
            <th scope="col">{t("retrain.champion")}</th>
            <th scope="col">{t("retrain.challenger")}</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name}>
              <th scope="row">{metricName(name)}</th>
              <td>{measured(name, version.champion_metrics[name])}</td>
              <td>{measured(name, version.metrics[name])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

/** A figure with its interval of 95 %. */
function measured(metric: string, figure: Measured | undefined): string {
  if (figure === undefined) return MISSING;
  const value = metricText(language.value, metric, figure.value);
  return figure.low === null || figure.high === null ? value : `${value} (${metricRange(language.value, metric, figure.low, figure.high)})`;
}

function Segments({ version }: { version: TrainedVersion }) {
  if (version.segments.length === 0) return null;
  const loss = (value: number): string => decimal(language.value, value, 3);
  return (
    <details>
      <summary>{t("retrain.segments")}</summary>
      <Scroller label={t("retrain.segments")}>
        <table class="jobs-table">
          <thead>
            <tr>
              <th scope="col">{t("retrain.segment")}</th>
              <th scope="col">{t("retrain.rows")}</th>
              <th scope="col">{t("retrain.champion")}</th>
              <th scope="col">{t("retrain.challenger")}</th>
            </tr>
          </thead>
          <tbody>
            {version.segments.map((segment) => (
              <tr key={`${segment.name} ${segment.value}`} class={segment.champion_loss < segment.challenger_loss ? "worse" : ""}>
                <th scope="row">{`${segment.name}: ${segment.value}`}</th>
                <td>{count(language.value, segment.rows)}</td>
                <td>{loss(segment.champion_loss)}</td>
                <td>{loss(segment.challenger_loss)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroller>
    </details>
  );
}
