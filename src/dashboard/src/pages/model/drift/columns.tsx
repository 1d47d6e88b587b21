/** The columns of a version, those that drift first; one of them is open beside the list. */

import type { ColumnReport, DriftPolicy, DriftReport } from "../../../api/drift";
import { effect, MISSING_MIN, nats, points } from "../../../format/drift";
import { count, MISSING } from "../../../format/number";
import { t } from "../../../i18n";
import { Scroller } from "../../../shell/scroller";
import { Span } from "../../../shell/time";
import { language } from "../../../store/preferences";
import type { Against } from "../view";
import { MiniHistogram } from "./histogram";
import { isClean, isSeen, rowsAgainst } from "./order";
import { ColumnLight } from "./status";
import { groupName, sideName, subjectName } from "./words";

interface Props {
  report: DriftReport;
  against: Against;
  columns: readonly ColumnReport[];
  open: string | null;
  onOpen: (subject: string) => void;
}

export function ColumnList({ report, against, columns, open, onOpen }: Props) {
  const locale = language.value;
  const before = sideName(against);
  return (
    <section class="card column-list" aria-labelledby="columns-title">
      <div class="section-head">
        <h2 id="columns-title">{t("drift.columns")}</h2>
        <p class="chart-window key">
          <span>
            <span class="swatch reference" /> {before} {t("value.n", { n: count(locale, rowsAgainst(report)) })}
          </span>
          <span>
            <span class="swatch current" /> <Span start={report.start} end={report.end} /> {t("value.n", { n: count(locale, report.predictions) })}
          </span>
        </p>
      </div>
      <Scroller label={t("drift.columns")}>
        <table class="data">
          <thead>
            <tr>
              <th scope="col">{t("drift.column")}</th>
              <th scope="col" class="left">
                {t("drift.verdict")}
              </th>
              <th scope="col">{t("drift.distribution")}</th>
              <th scope="col">
                {t("drift.effect")}
                <JudgedWindow report={report} />
              </th>
              <th scope="col">
                {t("drift.evidence")}
                <JudgedWindow report={report} />
              </th>
            </tr>
          </thead>
          <tbody>
            {columns.map((column) => {
              const { judged, subject } = column;
              const missing = judged !== null && MISSING_MIN <= Math.abs(judged.missing_change) ? judged.missing_change : null;
              return (
                <tr key={subject} class={open === subject ? "picked" : undefined} data-column={subject}>
                  <th scope="row">
                    <button type="button" class="pick" aria-pressed={open === subject} title={subjectName(subject)} onClick={() => onOpen(subject)}>
                      {subjectName(subject)}
                    </button>
                    <small>{groupName(column)}</small>
                  </th>
                  <td class="left">
                    <ColumnLight status={column.status} />
                    <Aside column={column} policy={report.policy} />
                  </td>
                  <td>
                    <MiniHistogram bins={column.histogram} name={subjectName(subject)} before={before} />
                  </td>
                  <td>
                    {judged === null ? <span class="missing">{MISSING}</span> : effect(locale, judged.psi)}
                    {missing === null ? null : <small class="below">{t("drift.missingChange", { points: points(locale, missing) })}</small>}
                  </td>
                  <td>
                    {judged === null ? (
                      <span class="missing">{MISSING}</span>
                    ) : (
                      <>
                        {nats(locale, judged.evidence)} <small class="needed">{t("drift.ofNeeded", { needed: nats(locale, judged.needed) })}</small>
                        <EvidenceBar evidence={judged.evidence} needed={judged.needed} />
                      </>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroller>
    </section>
  );
}

/** What the verdict does not say by itself: that a change is seen and not yet evident, or why a clean window does not end a drift. */
function Aside({ column, policy }: { column: ColumnReport; policy: DriftPolicy }) {
  const locale = language.value;
  if (isSeen(column, policy)) return <small class="below">{t("drift.seen")}</small>;
  if (!isClean(column)) return null;
  return <small class="below">{t("drift.cleanShort", { n: count(locale, column.clean_windows), needed: count(locale, column.clean_windows_needed) })}</small>;
}

/** What effect and evidence are of: the window that was judged last, and not the newest data. */
function JudgedWindow({ report: { score } }: { report: DriftReport }) {
  if (score === null) return null;
  return (
    <small class="below">
      <Span start={score.window} end={score.end} />
    </small>
  );
}

/** Full at twice what is needed; the tick in the middle is what is needed. */
function EvidenceBar({ evidence, needed }: { evidence: number; needed: number }) {
  const share = needed === 0 ? 1 : Math.min(1, evidence / needed / 2);
  return (
    <svg class={`evidence ${needed <= evidence ? "enough" : ""}`} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" x="0" y="2" width="100" height="4" />
      <rect class="fill" x="0" y="2" width={share * 100} height="4" />
      <rect class="tick" x="49.5" y="0" width="1" height="8" />
    </svg>
  );
}
