/** The drift score with what it is made of, each with the window it is of. */

import type { DriftPolicy, DriftReport } from "../../../api/drift";
import { effect, MISSING_MIN, oneIn } from "../../../format/drift";
import { count, duration } from "../../../format/number";
import { t } from "../../../i18n";
import { Span } from "../../../shell/time";
import { language } from "../../../store/preferences";
import { Figure } from "../figure";
import { useThresholds } from "../thresholds";
import { judgedEnd } from "./order";

const COMPONENTS = ["prediction", "features", "multivariate", "performance"] as const;

export function ScoreRow({ report }: { report: DriftReport }) {
  const locale = language.value;
  const threshold = useThresholds().drift_threshold ?? null;
  const { score, policy } = report;
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
              {t("drift.lastJudged")} · <Span start={score.window} end={judgedEnd(score, policy)} /> · {t("value.n", { n: count(locale, score.predictions) })}
            </>
          )}
        </small>
      </h2>
      <dl class="figures five">
        <Figure name={t("drift.score")} note={`${t("drift.largest")}${threshold === null ? "" : ` · ${t(above ? "drift.above" : "drift.below", { threshold: effect(locale, threshold) })}`}`}>
          <span class={above ? "critical-text" : undefined}>{effect(locale, score?.value)}</span>
        </Figure>
        {COMPONENTS.map((component) => (
          <Figure key={component} name={t(`drift.component.${component}`)} note={t(`drift.component.${component}Note`)}>
            {effect(locale, score?.[component])}
          </Figure>
        ))}
      </dl>
    </section>
  );
}

/** What effect and evidence mean and what the budget promises, with the numbers in force. */
export function Explanation({ policy }: { policy: DriftPolicy }) {
  const locale = language.value;
  const needed = policy.evidence_needed;
  return (
    <section class="explanation quiet" aria-label={t("drift.explain")}>
      <p>{t("drift.explainEffect", { threshold: effect(locale, policy.psi_threshold), missing: count(locale, MISSING_MIN * 100) })}</p>
      <p>{t("drift.explainEvidence", { needed: effect(locale, needed), times: oneIn(locale, needed) })}</p>
      <p>
        {t("drift.explainBudget", {
          alarms: count(locale, policy.false_alarms_per_month),
          columns: count(locale, policy.columns),
          width: duration(locale, policy.window_seconds),
        })}
      </p>
      <p>{t("drift.explainDetectors", { labels: count(locale, policy.error_run_length) })}</p>
    </section>
  );
}
