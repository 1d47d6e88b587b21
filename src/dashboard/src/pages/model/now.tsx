import { useEffect, useState } from "preact/hooks";
import { totalPath } from "../../api/paths";
import { api } from "../../api/session";
import type { Current, Estimate, ModelSummary, Window } from "../../api/types";
import { count, duration, MISSING, percent, perSecond } from "../../format/number";
import { t } from "../../i18n";
import { estimateText } from "../../shell/estimate";
import { Span } from "../../shell/time";
import { language } from "../../store/preferences";
import { Figure } from "./figure";
import { usePulse } from "./reading";
import { range, shown, zoom } from "./view";
import { accuracyName } from "./words";

/** Milliseconds between two readings while the model is live. */
const REREAD_MS = 5_000;

/** The figures of the range that is shown; of the usual range, an hour up to now, the last five minutes of the model's own time. */
export function NowRow({ model }: { model: ModelSummary }) {
  const chosen = range.value;
  const isUsual = zoom.value === null && chosen.kind === "named" && chosen.name === "1h";
  return isUsual ? <Figures model={model} title={t("model.now")} note={t("window.last5")} current={model.current} /> : <RangeRow model={model} />;
}

function RangeRow({ model }: { model: ModelSummary }) {
  const [window, setWindow] = useState<Window | null>(null);
  const { from, to } = shown.value;
  const pulse = usePulse(model.changed_seq, REREAD_MS);
  useEffect(() => {
    const reading = new AbortController();
    api
      .peek()
      ?.get<Window>(totalPath(model.name, { from, to, version: null, segment: null }), reading.signal)
      .then(({ body }) => setWindow(body))
      .catch(() => undefined);
    return () => reading.abort();
  }, [model.name, from, to, pulse]);
  return <Figures model={model} title={t("model.inRange")} note={null} current={window === null ? null : currentOf(window)} />;
}

const nothing: Estimate = { value: null, low: null, high: null, n: 0 };

/** A window in the figures of the row; the rate is over all of it, as far as it has passed. */
function currentOf(window: Window): Current {
  const end = Math.min(Date.parse(window.end), Date.now());
  const seconds = (end - Date.parse(window.start)) / 1_000;
  return {
    start: window.start,
    end: window.end,
    predictions: window.predictions,
    errors: window.errors,
    labelled: window.labelled,
    accuracy: window.metrics["accuracy"] ?? nothing,
    error_rate: window.metrics["error_rate"] ?? nothing,
    p95_seconds: window.latency?.p95 ?? null,
    mean_response_time_seconds: window.latency?.mean ?? null,
    throughput_per_second: 0 < seconds ? window.predictions / seconds : null,
    coverage: window.coverage,
    confidence: window.confidence,
  };
}

interface FiguresProps {
  model: ModelSummary;
  title: string;
  note: string | null;
  current: Current | null;
}

/** Each figure with what it rests on. */
function Figures({ model, title, note, current }: FiguresProps) {
  const locale = language.value;
  const share = (value: number): string => percent(locale, value);
  const predictions = current === null ? null : t("value.n", { n: count(locale, current.predictions) });
  return (
    <section class={`now ${model.stale ? "stale" : ""}`} aria-labelledby="now-title">
      <h2 id="now-title">
        {title}
        <small>
          {note}
          {current === null ? null : (
            <>
              {note === null ? null : " · "}
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
