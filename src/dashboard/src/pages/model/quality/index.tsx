/** How much of each column is there and in order, now against the reference, and how that went over the windows. */

import type { ColumnReport, DriftReport, DriftWindow, Profile } from "../../../api/drift";
import type { ModelSummary } from "../../../api/types";
import { count, MISSING, percent } from "../../../format/number";
import { t } from "../../../i18n";
import { Scroller } from "../../../shell/scroller";
import { Span } from "../../../shell/time";
import { language } from "../../../store/preferences";
import { Unread } from "../drift";
import { DriftControls } from "../drift/controls";
import { ReferenceCard } from "../drift/reference";
import { useDriftWindows } from "../drift/use-drift";
import { subjectName } from "../drift/words";
import type { Reading } from "../reading";
import { driftWidth } from "../view";
import { TaskCard } from "./task";
import { among, applies, FAULTS, faultRisen, share, trend, troubleOver, worstFirst, type Fault } from "./figures";

const WIDTH = 110;
const HEIGHT = 26;

interface Props {
  model: ModelSummary;
  report: Reading<DriftReport>;
}

export function QualityTab({ model, report }: Props) {
  const windows = useDriftWindows(model, driftWidth.value);
  const locale = language.value;
  const { body } = report;
  if (body === null) return <Unread reading={report} />;
  if (body.columns.length === 0) {
    return (
      <div class="tab-body">
        <TaskCard model={model} />
        <ReferenceCard report={body} />
      </div>
    );
  }
  // A window that has just begun swings from 0 to 1 with a handful of rows.
  const over = (windows.body ?? []).filter((window) => window.closed);
  const unexpected = over.reduce((sum, window) => sum + window.unexpected, 0);
  return (
    <div class="tab-body quality">
      <DriftControls model={model} report={body} />
      {report.failed === null ? null : <p class="problem">{t("drift.failed", { message: report.failed })}</p>}
      <TaskCard model={model} />
      <section class="card" aria-labelledby="quality-title">
        <div class="section-head">
          <h2 id="quality-title">{t("tab.quality")}</h2>
          <p class="chart-window">
            {t("drift.newest")} · <Span start={body.start} end={body.end} /> · {t("value.n", { n: count(locale, body.predictions) })}
            <br />
            {t("quality.against", { n: count(locale, body.reference.rows) })}
          </p>
        </div>
        <Scroller label={t("tab.quality")}>
          <table class="data">
            <thead>
              <tr>
                <th scope="col">{t("drift.column")}</th>
                <th scope="col">{t("profile.present")}</th>
                {FAULTS.map((fault) => (
                  <th scope="col" key={fault} title={t(`fault.${fault}Title`)}>
                    {t(`fault.${fault}`)}
                  </th>
                ))}
                <th scope="col">{t("profile.cardinality")}</th>
                <th scope="col">
                  {t("quality.trend")}
                  {over.length === 0 ? null : (
                    <small class="below">
                      <Span start={over[0]!.start} end={over.at(-1)!.end} />
                    </small>
                  )}
                </th>
              </tr>
            </thead>
            <tbody>
              {worstFirst(body.columns).map((column) => (
                <Row key={column.subject} column={column} windows={over} />
              ))}
            </tbody>
          </table>
        </Scroller>
        <p class="quiet foot">{t("quality.foot")}</p>
      </section>
      <p class="quiet">
        {over.length === 0
          ? null
          : t(unexpected === 0 ? "quality.noUnexpected" : "quality.unexpected", { n: count(locale, unexpected), windows: over.length })}
      </p>
      <ReferenceCard report={body} />
    </div>
  );
}

function Row({ column, windows }: { column: ColumnReport; windows: readonly DriftWindow[] }) {
  const locale = language.value;
  const { reference, current, subject } = column;
  const worse = FAULTS.some((fault) => applies(column.type, fault) && faultRisen(column, fault));
  const present = (side: Profile): string => percent(locale, side.rows === 0 ? null : side.present / side.rows);
  return (
    <tr class={worse ? "worse" : undefined} data-column={subject}>
      <th scope="row">
        {worse ? (
          <span class="drift-text" title={t("quality.worse")}>
            ▲{" "}
          </span>
        ) : null}
        {subjectName(subject)} <small>{t(`type.${column.type}`)}</small>
      </th>
      <td>
        {present(current)} <small>{t("quality.was", { value: present(reference) })}</small>
      </td>
      {FAULTS.map((fault) => (
        <FaultCell key={fault} column={column} fault={fault} />
      ))}
      <td>
        {current.cardinality === null ? (
          <span class="missing">{MISSING}</span>
        ) : (
          <>
            {count(locale, current.cardinality)} <small>{t("quality.was", { value: count(locale, reference.cardinality) })}</small>
          </>
        )}
      </td>
      <td>
        <Trend values={troubleOver(windows, subject)} />
      </td>
    </tr>
  );
}

function FaultCell({ column, fault }: { column: ColumnReport; fault: Fault }) {
  const locale = language.value;
  const { type, reference, current } = column;
  if (!applies(type, fault)) return <td class="missing">{MISSING}</td>;
  const [before, after] = [share(reference.rows, reference, fault), share(current.rows, current, fault)];
  return (
    <td title={t("quality.of", { n: count(locale, current[fault]), of: count(locale, among(current.rows, current, fault)) })}>
      {faultRisen(column, fault) ? <b class="drift-text">{percent(locale, after)}</b> : percent(locale, after)}{" "}
      <small>{t("quality.was", { value: percent(locale, before) })}</small>
    </td>
  );
}

function Trend({ values }: { values: readonly (number | null)[] }) {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return <span class="missing">{t("value.noData")}</span>;
  const show = (value: number): string => percent(language.value, value);
  const label = t("quality.trendOf", { first: show(known[0]!), last: show(known[known.length - 1]!), high: show(Math.max(...known)), n: values.length });
  const { line, dots } = trend(values, WIDTH, HEIGHT);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <title>{label}</title>
      <path d={line} />
      {dots.map((dot) => (
        <circle key={dot.x} cx={dot.x} cy={dot.y} r="2" />
      ))}
    </svg>
  );
}
