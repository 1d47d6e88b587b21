import type { Estimate, ModelSummary } from "../../api/types";
import { count, duration, MISSING, percent, perSecond } from "../../format/number";
import { t } from "../../i18n";
import { estimateText } from "../../shell/estimate";
import { Span } from "../../shell/time";
import { language } from "../../store/preferences";
import { Figure } from "./figure";
import { accuracyName } from "./words";

/** The last five minutes of the model's own time, each figure with what it rests on. */
export function NowRow({ model }: { model: ModelSummary }) {
  const locale = language.value;
  const current = model.current;
  const share = (value: number): string => percent(locale, value);
  const predictions = current === null ? null : t("value.n", { n: count(locale, current.predictions) });
  return (
    <section class={`now ${model.stale ? "stale" : ""}`} aria-labelledby="now-title">
      <h2 id="now-title">
        {t("model.now")}
        <small>
          {t("window.last5")}
          {current === null ? null : (
            <>
              {" · "}
              <Span start={current.start} end={current.end} />
            </>
          )}
        </small>
      </h2>
      <dl class="figures">
        <Figure name={accuracyName(model.task)} note={current === null ? null : estimateText("accuracy", current.accuracy)}>
          {current !== null && current.accuracy.value === null ? <span class="missing">{t("value.noLabels")}</span> : valueOf(current?.accuracy ?? null, share)}
        </Figure>
        <Figure name={t("column.errorRate")} note={current === null ? null : estimateText("error_rate", current.error_rate)}>
          {valueOf(current?.error_rate ?? null, share)}
        </Figure>
        <Figure name={t("column.p95")} note={current === null ? null : `${t("model.meanResponse")} ${duration(locale, current.mean_response_time_seconds)}`}>
          {duration(locale, current?.p95_seconds)}
        </Figure>
        <Figure name={t("column.throughput")} note={predictions}>
          {perSecond(locale, current?.throughput_per_second, { second: t("unit.second"), minute: t("unit.minute") })}
        </Figure>
        <Figure
          name={t("column.coverage")}
          note={
            current === null
              ? null
              : t("value.ofLabels", { labelled: count(locale, current.labelled), predictions: count(locale, current.predictions) })
          }
        >
          {percent(locale, current?.coverage)}
        </Figure>
        <Figure name={t("model.confidence")} note={predictions}>
          {percent(locale, current?.confidence)}
        </Figure>
      </dl>
    </section>
  );
}

const valueOf = (estimate: Estimate | null, show: (value: number) => string): string =>
  estimate === null || estimate.value === null ? MISSING : show(estimate.value);
