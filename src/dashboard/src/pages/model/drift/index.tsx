/** Whether what a version is asked and answers is still as it was: how much, how evidently, where and since when. */

import { useLayoutEffect, useRef } from "preact/hooks";
import type { DriftReport, DriftWindow } from "../../../api/drift";
import type { ModelSummary } from "../../../api/types";
import { t } from "../../../i18n";
import { setQuery } from "../../../route/route";
import { useCalm } from "../../../shell/calm";
import type { Reading } from "../reading";
import { column, driftWidth, driftWindow, focus, type Against } from "../view";
import { AgainstNote } from "./against";
import { IncidentList } from "./alarms";
import { ApartCard, isJudgedApart } from "./apart";
import { ColumnDetail } from "./detail";
import { ColumnList } from "./columns";
import { DriftControls } from "./controls";
import { Heatmap } from "./heatmap";
import { LabelCard } from "./labels";
import { ranked } from "./order";
import { PolicyCard } from "./policy";
import { ReferenceCard } from "./reference";
import { Explanation, PaceLine, ScoreRow } from "./score";
import { useDriftWindows, type DriftReading } from "./use-drift";

interface Props {
  model: ModelSummary;
  report: DriftReading;
}

export function DriftTab({ model, report }: Props) {
  const windows = useDriftWindows(model, driftWidth.value);
  const { body } = report;
  if (body === null) return <Unread reading={report} />;
  return (
    <div class="tab-body drift" aria-busy={windows.body === null}>
      <DriftControls model={model} report={body} />
      {focus.value.segment === null ? null : (
        <p class="quiet">{t(isJudgedApart(body, focus.value.segment) ? "apart.segmentNote" : "drift.segmentNote", { name: focus.value.segment })}</p>
      )}
      {body.columns.length === 0 ? null : <AgainstNote report={body} against={report.against} />}
      <ScoreRow model={model} report={body} />
      <PaceLine window={body.window} />
      {report.failed === null ? null : <p class="problem">{t("drift.failed", { message: report.failed })}</p>}
      {body.policy.watch ? null : <p class="notice card">{t("drift.off")}</p>}
      <ReferenceCard report={body} onReplaced={report.retry} />
      {body.columns.length === 0 ? <Arrivals report={body} onAccepted={report.retry} /> : <Columns report={body} against={report.against} windows={windows} onAccepted={report.retry} />}
      <ApartCard segments={body.segments} />
      <Explanation policy={body.policy} window={body.window} />
      <PolicyCard policy={body.policy} onChanged={report.retry} />
    </div>
  );
}

/** Before the first answer, or in its stead. */
export function Unread({ reading }: { reading: Reading<unknown> }) {
  if (reading.failed === null) return <p class="notice quiet">{t("drift.loading")}</p>;
  return (
    <div class="notice card" role="alert">
      <p>{t("drift.failed", { message: reading.failed })}</p>
      <button type="button" onClick={reading.retry}>
        {t("chart.retry")}
      </button>
    </div>
  );
}

interface ColumnsProps {
  report: DriftReport;
  against: Against;
  windows: Reading<DriftWindow[]>;
  onAccepted: () => void;
}

function Columns({ report, against, windows, onAccepted }: ColumnsProps) {
  const { order, stirred } = useCalm();
  const bySubject = new Map(report.columns.map((each) => [each.subject, each]));
  const columns = order(ranked(report.columns).map((each) => each.subject)).map((subject) => bySubject.get(subject)!);
  const open = columns.find((each) => each.subject === column.value) ?? columns[0]!;
  const toDetail = useRef(false);
  useLayoutEffect(() => {
    if (!toDetail.current) return;
    toDetail.current = false;
    document.getElementById("detail-title")?.focus({ preventScroll: true });
    document.getElementById("column-detail")?.scrollIntoView({ block: "nearest" });
  });
  /** From the keyboard one is taken to the details; the pointer stays where it is, unless the details are out of sight. */
  const show = (subject: string, window: { start: string; end: string } | null, byKey: boolean): void => {
    toDetail.current = byKey;
    setQuery({ column: subject, window: window === null ? driftWindow.value : `${window.start}/${window.end}` });
    if (!byKey) requestAnimationFrame(() => document.getElementById("column-detail")?.scrollIntoView({ block: "nearest" }));
  };
  return (
    <div class="drift-columns" {...stirred}>
      {windows.body === null ? (
        <Unread reading={windows} />
      ) : (
        <Heatmap subjects={columns.map((each) => each.subject)} windows={windows.body} policy={report.policy} judged={report.score} open={open.subject} onOpen={show} />
      )}
      <div class="master-detail">
        <ColumnList report={report} against={against} columns={columns} open={open.subject} onOpen={(subject) => show(subject, null, false)} />
        <ColumnDetail column={open} report={report} against={against} />
        <Arrivals report={report} onAccepted={onAccepted} />
      </div>
    </div>
  );
}

/** What labels and alarms say, with or without columns to compare. */
function Arrivals({ report, onAccepted }: { report: DriftReport; onAccepted: () => void }) {
  return (
    <div class="arrivals">
      <LabelCard labels={report.labels} />
      <IncidentList
        report={report}
        onOpen={(subject) => setQuery({ column: subject, window: null })}
        onAccepted={onAccepted}
      />
    </div>
  );
}
