import type { ComponentChildren } from "preact";
import type { DriftScore } from "../../api/drift";
import type { ModelSummary } from "../../api/types";
import { effect } from "../../format/drift";
import { Sparkline } from "../../charts/sparkline";
import { count, duration, MISSING, percent, perSecond } from "../../format/number";
import { clock, utc } from "../../format/time";
import { t } from "../../i18n";
import { modelAddress } from "../../route/route";
import { EstimateNote } from "../../shell/estimate";
import { Link } from "../../shell/link";
import { reasonText } from "../../shell/reason";
import { StatusLight } from "../../shell/status-light";
import { Ago, Moment } from "../../shell/time";
import { language } from "../../store/preferences";

export function ModelRow({ model, index }: { model: ModelSummary; index: number }) {
  const locale = language.value;
  const current = model.current;
  const predictions = current === null ? null : t("value.n", { n: count(locale, current.predictions) });
  return (
    <tr role="row" aria-rowindex={index} class={model.stale ? "stale" : undefined} data-model={model.name}>
      <td role="cell" class="c-status">
        <StatusLight status={model.status} />
        <Reasons model={model} />
      </td>
      <th role="rowheader" scope="row" class="c-model">
        <Link href={modelAddress(model.name)} title={model.name}>
          {model.name}
        </Link>
        <small>
          <Freshness model={model} />
        </small>
      </th>
      <Figure class="accuracy" label={t("column.accuracy")} note={<EstimateNote metric="accuracy" estimate={current?.accuracy ?? null} />}>
        {current === null ? MISSING : current.accuracy.value === null ? <Missing>{t("value.noLabels")}</Missing> : percent(locale, current.accuracy.value)}
      </Figure>
      <td role="cell" class="c-trail">
        <Sparkline trail={model.trail} />
      </td>
      <Figure class="errors" label={t("column.errorRate")} note={<EstimateNote metric="error_rate" estimate={current?.error_rate ?? null} />}>
        {percent(locale, current?.error_rate.value)}
      </Figure>
      <Figure label={t("column.p95")} note={predictions}>
        {duration(locale, current?.p95_seconds)}
      </Figure>
      <Figure class="throughput" label={t("column.throughput")} note={predictions}>
        {perSecond(locale, current?.throughput_per_second, { second: t("unit.second"), minute: t("unit.minute") })}
      </Figure>
      <Figure
        class="coverage"
        label={t("column.coverage")}
        note={
          current === null
            ? null
            : t("value.ofLabels", { labelled: count(locale, current.labelled), predictions: count(locale, current.predictions) })
        }
      >
        {percent(locale, current?.coverage)}
      </Figure>
      <Figure class="drift" label={t("column.drift")} note={<DriftNote drift={model.drift ?? null} />}>
        {model.drift ? effect(locale, model.drift.value) : <Missing>{t("value.notJudged")}</Missing>}
      </Figure>
    </tr>
  );
}

function Figure(props: { class?: string; label: string; note: ComponentChildren; children: ComponentChildren }) {
  return (
    <td role="cell" class={`c-number ${props.class ?? ""}`}>
      <span class="narrow-only cell-label" aria-hidden="true">
        {props.label}
      </span>
      <span class="value">{props.children}</span>
      <small>{props.note}</small>
    </td>
  );
}

/** When the window that was judged began, and what it rests on. */
function DriftNote({ drift }: { drift: DriftScore | null }) {
  if (drift === null) return null;
  return (
    <>
      <Moment at={drift.window} />
      <span class="dot"> · </span>
      <span class="n">{t("value.n", { n: count(language.value, drift.predictions) })}</span>
    </>
  );
}

const Missing = ({ children }: { children: ComponentChildren }) => <span class="missing">{children}</span>;

function Reasons({ model }: { model: ModelSummary }) {
  if (model.reasons.length === 0) return null;
  const text = model.reasons.map(reasonText).join(" · ");
  return <small title={text}>{text}</small>;
}

/** When the model last predicted; if that is too long ago, which five minutes its figures are of. */
function Freshness({ model }: { model: ModelSummary }) {
  if (model.last_prediction_at === null) return <>{t("value.noData")}</>;
  const end = model.current?.end ?? null;
  return (
    <>
      {model.stale ? (
        <span class="tag" title={t("value.staleTitle")}>
          {t("status.stale")}
        </span>
      ) : null}
      <Ago at={model.last_prediction_at} />
      {model.stale && end !== null ? (
        <span title={utc(new Date(end))}> · {t("window.to", { time: clock(language.value, new Date(end)) })}</span>
      ) : (
        <> · {t(`task.${model.task}`)}</>
      )}
    </>
  );
}
