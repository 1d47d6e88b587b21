/** The drift score with what it is made of, each with the window it is of. */

import type { DriftPace, DriftPolicy, DriftReport, DriftScore } from "../../../api/drift";
import { effect, MISSING_MIN, oneIn } from "../../../format/drift";
import { count, decimal, duration, percent } from "../../../format/number";
import { t } from "../../../i18n";
import { moment } from "../../../format/time";
import { Span } from "../../../shell/time";
import { now } from "../../../store/clock";
import { language } from "../../../store/preferences";
import { Figure } from "../figure";
import type { ModelSummary } from "../../../api/types";
import { lineOf, useModelThresholds } from "../thresholds/use-thresholds";
import { featuresDrifting, wrongAnswers } from "./order";

const COMPONENTS = ["prediction", "features", "multivariate", "performance"] as const;

export function ScoreRow({ model, report }: { model: ModelSummary; report: DriftReport }) {
  const locale = language.value;
  const threshold = lineOf(useModelThresholds(model).body, "drift", false);
  const { score } = report;
  const above = score !== null && threshold !== null && threshold < score.value;
  return (
    <section class="now drift-score" aria-labelledby="score-title">
      <h2 id="score-title">
        {t("drift.score")}
        <small>
          {score === null ? (
            t("drift.notJudged")
          ) : (
            <>
              {t("drift.lastJudged")} · <Span start={score.window} end={score.end} /> · {t("value.n", { n: count(locale, score.predictions) })}
            </>
          )}
        </small>
      </h2>
      <dl class="figures five">
        <Figure name={t("drift.score")} note={`${t("drift.largest")}${threshold === null ? "" : ` · ${t(above ? "drift.above" : "drift.below", { threshold: effect(locale, threshold) })}`}`}>
          <span class={above ? "critical-text" : undefined}>{effect(locale, score?.value)}</span>
        </Figure>
        {COMPONENTS.map((component) => (
          <Figure key={component} name={t(`drift.component.${component}`)} note={noteOf(component, report)}>
            {effect(locale, score?.[component])}
          </Figure>
        ))}
      </dl>
    </section>
  );
}

/** What a component is, and what of it is seen but not yet evident. */
function noteOf(component: (typeof COMPONENTS)[number], report: DriftReport): string {
  const locale = language.value;
  const note = t(`drift.component.${component}Note`);
  if (component === "features" && report.columns.length !== 0) {
    const { drifting, of } = featuresDrifting(report);
    return `${note} · ${t("drift.featuresDrifting", { n: count(locale, drifting), of: count(locale, of) })}`;
  }
  const seen = component === "performance" ? [fallOf(report.score), incidentOf(report)].filter((each) => each !== null) : [];
  return [note, ...seen].join(" · ");
}

/** The incident of wrong answers that goes on: it may have begun since the window that the figure is of. */
function incidentOf(report: DriftReport): string | null {
  const incident = wrongAnswers(report);
  return incident === null ? null : t("drift.wrongOpen", { time: moment(language.value, new Date(incident.onset), now.value) });
}

/** How far accuracy has fallen, and whether that is evident; nothing where it has not. */
function fallOf(score: DriftScore | null): string | null {
  if (score === null || score.accuracy === null || score.accuracy.before <= score.accuracy.now) return null;
  const { before, now: lately, n, evident } = score.accuracy;
  const locale = language.value;
  return t(evident ? "drift.fell" : "drift.fellMaybe", { before: percent(locale, before), now: percent(locale, lately), n: count(locale, n) });
}

/** Why the windows of this version are as wide as they are. */
export function PaceLine({ window }: { window: DriftPace }) {
  const locale = language.value;
  const width = duration(locale, window.seconds);
  if (window.pinned) return <p class="quiet pace">{t("drift.pacePinned", { width })}</p>;
  if (window.rows_per_minute === null || window.rows_needed === null) return null;
  return (
    <p class="quiet pace">
      {t("drift.pace", { width, rate: decimal(locale, window.rows_per_minute, 2), rows: count(locale, window.rows_needed) })}
    </p>
  );
}

/** What effect and evidence mean and what the budget promises, with the numbers in force. */
export function Explanation({ policy, window }: { policy: DriftPolicy; window: DriftPace }) {
  const locale = language.value;
  const needed = window.evidence_needed;
  return (
    <section class="explanation quiet" aria-label={t("drift.explain")}>
      <p>{t("drift.explainEffect", { threshold: effect(locale, policy.psi_threshold), missing: count(locale, MISSING_MIN * 100) })}</p>
      <p>{t("drift.explainEvidence", { needed: effect(locale, needed), times: oneIn(locale, needed) })}</p>
      <p>
        {t("drift.explainBudget", {
          alarms: count(locale, policy.false_alarms_per_month),
          columns: count(locale, policy.columns),
          width: duration(locale, window.seconds),
        })}
      </p>
      <p>{t("drift.explainDetectors", { labels: count(locale, policy.error_run_length) })}</p>
    </section>
  );
}
