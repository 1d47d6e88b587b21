import type { ComponentChildren } from "preact";
import type { DriftScore } from "../../api/drift";
import type { GroupLine, OverviewRow } from "../../api/overview";
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
import { RowStrips } from "../../shell/status-strip";
import { Ago, Moment } from "../../shell/time";
import { language } from "../../store/preferences";
import { filterByOwner, filterByTag } from "./selection";

export function ModelRow({ model, index }: { model: OverviewRow; index: number }) {
  const locale = language.value;
  const { predictions: served, labelled } = model;
  const predictions = served === null ? null : t("value.n", { n: count(locale, served) });
  return (
    <tr role="row" aria-rowindex={index} class={model.stale ? "stale" : undefined} data-model={model.name}>
      <td role="cell" class="c-status">
        <StatusLight status={model.status} />
        <Reasons model={model} />
        <RowStrips strip={model.strip} />
      </td>
      <th role="rowheader" scope="row" class="c-model">
        <Link href={modelAddress(model.name)} title={model.name}>
          {model.name}
        </Link>
        <small>
          <Freshness model={model} />
        </small>
        <Tags model={model} />
      </th>
      <AccuracyFigure model={model} />
      <td role="cell" class="c-trail">
        <Sparkline trail={model.trail} />
      </td>
      <Figure class="errors" label={t("column.errorRate")} note={<EstimateNote metric="error_rate" estimate={model.error_rate} />}>
        {percent(locale, model.error_rate?.value)}
      </Figure>
      <Figure label={t("column.p95")} note={predictions}>
        {duration(locale, model.p95_seconds)}
      </Figure>
      <Figure class="throughput" label={t("column.throughput")} note={predictions}>
        {perSecond(locale, model.throughput_per_second, { second: t("unit.second"), minute: t("unit.minute") })}
      </Figure>
      <Figure
        class="coverage"
        label={t("column.coverage")}
        note={
          served === null || labelled === null
            ? null
            : t("value.ofLabels", { labelled: count(locale, labelled), predictions: count(locale, served) })
        }
      >
        {percent(locale, coverageOf(model))}
      </Figure>
      <Figure class="drift" label={t("column.drift")} note={<DriftNote drift={model.drift} />}>
        {model.drift ? effect(locale, model.drift.value) : <Missing>{t("value.notJudged")}</Missing>}
      </Figure>
    </tr>
  );
}

const coverageOf = ({ predictions, labelled }: OverviewRow): number | null =>
  predictions === null || labelled === null || predictions === 0 ? null : labelled / predictions;

/** The accuracy of the last five minutes; where no label of theirs has come yet, the one that the status rests on, with its stretch. */
function AccuracyFigure({ model: { accuracy, judged_accuracy: judged } }: { model: OverviewRow }) {
  const locale = language.value;
  if (judged === null) {
    const value = accuracy === null ? MISSING : accuracy.value === null ? <Missing>{t("value.noLabels")}</Missing> : percent(locale, accuracy.value);
    return (
      <Figure class="accuracy" label={t("column.accuracy")} note={<EstimateNote metric="accuracy" estimate={accuracy} />}>
        {value}
      </Figure>
    );
  }
  const since = t("value.judgedSince", { time: clock(locale, new Date(judged.window)) });
  const title = t("value.judgedTitle", { time: utc(new Date(judged.window)), n: count(locale, judged.n) });
  return (
    <Figure class="accuracy judged" label={t("column.accuracy")} note={<JudgedNote title={title} since={since} n={t("value.n", { n: count(locale, judged.n) })} />}>
      {percent(locale, judged.value)}
    </Figure>
  );
}

const JudgedNote = ({ title, since, n }: { title: string; since: string; n: string }) => (
  <span title={title}>
    <span class="range">
      {since}
      <span class="dot"> · </span>
    </span>
    <span class="n">{n}</span>
  </span>
);

/** Tags that a row has room for; the others are told by their number and their title. */
const TAGS_SHOWN = 3;

/** Whose the model is and how it is tagged; each a filter. */
function Tags({ model: { owner, tags } }: { model: OverviewRow }) {
  if (owner === null && tags.length === 0) return null;
  const more = tags.slice(TAGS_SHOWN);
  return (
    <span class="chips">
      {owner === null ? null : (
        <button type="button" class="chip owner" title={t("overview.ownerTitle", { owner })} onClick={() => filterByOwner(owner)}>
          {owner}
        </button>
      )}
      {tags.slice(0, TAGS_SHOWN).map((tag) => (
        <button type="button" key={tag} class="chip" title={t("overview.tagTitle", { tag })} onClick={() => filterByTag(tag)}>
          {tag}
        </button>
      ))}
      {more.length === 0 ? null : (
        <span class="chip more" title={more.join(", ")}>
          +{more.length}
        </span>
      )}
    </span>
  );
}

/** A row that is in the list and not told yet. */
export const PendingRow = ({ index }: { index: number }) => (
  <tr role="row" aria-rowindex={index} class="pending" aria-busy="true">
    <td role="cell" colSpan={9} />
  </tr>
);

/** What the rows below have in common. */
export function GroupRow({ line, index, name }: { line: GroupLine; index: number; name: string }) {
  return (
    <tr role="row" aria-rowindex={index} class="group">
      <th role="rowheader" scope="rowgroup" colSpan={9}>
        {name} <small>{t("overview.groupCount", { n: count(language.value, line.models) })}</small>
      </th>
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

function Reasons({ model }: { model: OverviewRow }) {
  if (model.reasons.length === 0) return null;
  const text = model.reasons.map((reason) => reasonText(reason)).join(" · ");
  return <small title={text}>{text}</small>;
}

/** When the model last predicted; if that is too long ago, which five minutes its figures are of. */
function Freshness({ model }: { model: OverviewRow }) {
  if (model.last_prediction_at === null) return <>{t("value.noData")}</>;
  const { end } = model;
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
