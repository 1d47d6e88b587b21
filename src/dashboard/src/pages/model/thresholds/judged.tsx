/** Every line that the model is judged by, with the figure that was compared to it last. */

import type { ModelThresholds, Threshold } from "../../../api/thresholds";
import type { ModelSummary, Reason } from "../../../api/types";
import { figureText, rangeText } from "../../../format/metric";
import { count, MISSING } from "../../../format/number";
import { metricName, t } from "../../../i18n";
import { Scroller } from "../../../shell/scroller";
import { difference } from "../../../shell/reason";
import { StatusLight } from "../../../shell/status-light";
import { Moment } from "../../../shell/time";
import { language } from "../../../store/preferences";
import { isSample } from "./draft";

interface Props {
  model: ModelSummary;
  thresholds: ModelThresholds;
  /** `null` where one may only read. */
  onEdit: ((threshold: Threshold) => void) | null;
  /** Begins a threshold of the model's own for what is judged by one of all models. */
  onOwn: (metric: string) => void;
  onRemove: ((threshold: Threshold) => void) | null;
}

/** A line, as it was judged or as it was set. */
interface Row {
  key: string;
  metric: string;
  direction: "below" | "above";
  threshold: number;
  margin: number;
  judged: Reason | null;
  own: Threshold | null;
}

export function JudgedTable({ model, thresholds, onEdit, onOwn, onRemove }: Props) {
  const rows = rowsOf(model.judged ?? [], thresholds.thresholds);
  return (
    <section class="card" aria-labelledby="judged-title">
      <div class="section-head">
        <h2 id="judged-title">{t("thresholds.title")}</h2>
      </div>
      {rows.length === 0 ? <p class="quiet">{t("reason.no_data")}</p> : null}
      <Scroller label={t("thresholds.title")}>
        <table class="data judged">
          <thead>
            <tr>
              <th scope="col">{t("details.metric")}</th>
              <th scope="col" class="left">
                {t("status.label")}
              </th>
              <th scope="col">{t("thresholds.figure")}</th>
              <th scope="col">{t("chart.threshold")}</th>
              <th scope="col">{t("thresholds.margin")}</th>
              <th scope="col" class="left">
                {t("thresholds.from")}
              </th>
              {onEdit === null ? null : <th scope="col">{t("thresholds.change")}</th>}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Line key={row.key} row={row} onEdit={onEdit} onOwn={onOwn} onRemove={onRemove} />
            ))}
          </tbody>
        </table>
      </Scroller>
    </section>
  );
}

function Line({ row, onEdit, onOwn, onRemove }: { row: Row } & Pick<Props, "onEdit" | "onOwn" | "onRemove">) {
  const locale = language.value;
  const { metric, judged, own, direction, threshold, margin } = row;
  const unit = own?.unit == null ? "" : ` ${own.unit}`;
  const show = (value: number): string => figureText(locale, metric, value) + unit;
  const name = metricName(metric);
  return (
    <tr data-metric={metric}>
      <th scope="row">
        {name}
        {own?.source == null ? null : <small class="below">{own.source}</small>}
      </th>
      <td class="left">{judged === null ? <span class="missing">{t("thresholds.notYet")}</span> : <StatusLight status={judged.status} />}</td>
      <td>
        {judged === null || judged.value === null ? <Lacking judged={judged} /> : <Figure metric={metric} judged={judged} show={show} />}
        {own?.target == null ? null : <small class="below">{t("thresholds.target", { value: show(own.target) })}</small>}
      </td>
      <td>{t(direction === "below" ? "thresholds.atLeast" : "thresholds.atMost", { value: show(threshold) })}</td>
      <td>{difference(locale, metric, margin) + unit}</td>
      <td class="left">{t(own !== null ? "thresholds.own" : metric === "mae" ? "thresholds.ofReference" : "thresholds.ofAll")}</td>
      {onEdit === null ? null : (
        <td>
          {own === null ? (
            <button type="button" aria-label={t("thresholds.setOwnOf", { name })} onClick={() => onOwn(metric)}>
              {t("thresholds.setOwn")}
            </button>
          ) : (
            <span class="row-actions">
              <button type="button" aria-label={t("thresholds.editOf", { name })} onClick={() => onEdit(own)}>
                {t("thresholds.edit")}
              </button>
              <button type="button" aria-label={t("thresholds.removeOf", { name })} onClick={() => onRemove?.(own)}>
                {t("thresholds.remove")}
              </button>
            </span>
          )}
        </td>
      )}
    </tr>
  );
}

/** The figure with its interval, how many observations it rests on and since when they came. */
function Figure({ metric, judged, show }: { metric: string; judged: Reason; show: (value: number) => string }) {
  const locale = language.value;
  return (
    <>
      {show(judged.value!)}{" "}
      <small class="below">
        {judged.low === null || judged.high === null ? null : `${rangeText(locale, metric, judged.low, judged.high)} · `}
        {t("value.n", { n: count(locale, judged.n) })}
        {judged.window === null ? null : (
          <>
            {" · "}
            {t("thresholds.since")} <Moment at={judged.window} />
          </>
        )}
      </small>
    </>
  );
}

function Lacking({ judged }: { judged: Reason | null }) {
  if (judged === null || judged.needed === null || judged.of === null) return <span class="missing">{MISSING}</span>;
  return <span class="missing">{t(`thresholds.few.${judged.of}`, { n: judged.n, needed: judged.needed })}</span>;
}

/** What was judged, by its threshold of the model's own where there is one; then those that nothing was compared to yet. */
function rowsOf(judged: readonly Reason[], own: readonly Threshold[]): Row[] {
  const left = [...own];
  const rows = judged.flatMap((reason): Row[] => {
    const { metric, direction, threshold, margin } = reason;
    if (metric === null || direction === null || threshold === null) return [];
    const place = left.findIndex((each) => each.metric === metric && each.direction === direction && (!isSample(metric) || each.value === threshold));
    const mine = place === -1 ? null : left.splice(place, 1)[0]!;
    return [{ key: `${metric} ${direction} ${mine?.source ?? ""}`, metric, direction, threshold, margin: margin ?? 0, judged: reason, own: mine }];
  });
  const unjudged = left.map((each): Row => ({
    key: `${each.metric} ${each.direction} ${each.source ?? ""}`,
    metric: each.metric,
    direction: each.direction,
    threshold: each.value,
    margin: each.margin,
    judged: null,
    own: each,
  }));
  return [...rows, ...unjudged];
}
