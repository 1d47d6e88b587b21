/** Every alarm and every end of one, the newest first; the same as markers for the charts. */

import type { Alarm, ColumnReport } from "../../../api/drift";
import type { Marker } from "../../../charts/markers";
import { effect, MISSING_MIN, nats, points } from "../../../format/drift";
import { count, decimal, percent } from "../../../format/number";
import { t } from "../../../i18n";
import { setQuery } from "../../../route/route";
import { Moment, Span } from "../../../shell/time";
import { language } from "../../../store/preferences";
import { seconds } from "../../../store/windows";
import { detectorName, subjectName } from "./words";

const ROWS_MAX = 20;

/** Where alarms stand on a chart: at the end of the window that was judged, else when the log has them. */
export const markersOf = (alarms: readonly Alarm[]): Marker[] =>
  alarms.map((alarm) => ({
    open: () => openAlarm(alarm),
    at: seconds(alarm.end ?? alarm.at),
    detected: alarm.detected,
    text: t(alarm.detected ? "alarm.detectedOf" : "alarm.clearedOf", { name: nameOf(alarm) }),
  }));

/** What has moved, and in which segment. */
function nameOf(alarm: Alarm): string {
  const segment = Object.entries(alarm.segment ?? {}).map(([name, value]) => `${name}: ${value}`);
  return [subjectName(alarm.subject), ...segment].join(" · ");
}

interface Props {
  alarms: readonly Alarm[];
  /** Those whose details can be opened. */
  columns: readonly ColumnReport[];
  onOpen: (subject: string) => void;
}

export function AlarmList({ alarms, columns, onOpen }: Props) {
  const newest = [...alarms].reverse().slice(0, ROWS_MAX);
  return (
    <section class="card alarms" aria-labelledby="alarms-title">
      <div class="section-head">
        <h2 id="alarms-title">{t("alarm.title")}</h2>
      </div>
      {newest.length === 0 ? <p class="quiet">{t("alarm.none")}</p> : null}
      <ol>
        {newest.map((alarm) => (
          <li key={`${alarm.at} ${nameOf(alarm)} ${alarm.detector} ${alarm.detected}`}>
            <svg class={`shape ${alarm.detected ? "drift" : "over"}`} viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
              <path d="M.6 1.4h12.8L7 12.8z" />
            </svg>
            <div>
              <p>
                {columns.some((column) => column.subject === alarm.subject) ? (
                  <button type="button" class="pick" onClick={() => onOpen(alarm.subject)}>
                    {nameOf(alarm)}
                  </button>
                ) : (
                  <b>{nameOf(alarm)}</b>
                )}{" "}
                <b>{t(alarm.detected ? "alarm.detected" : "alarm.cleared")}</b>{" "}
                <span class="quiet">{alarm.start === null || alarm.end === null ? <Moment at={alarm.at} /> : <Span start={alarm.start} end={alarm.end} />}</span>
              </p>
              <p class="quiet">{figures(alarm)}</p>
            </div>
          </li>
        ))}
      </ol>
      {ROWS_MAX < alarms.length ? <p class="quiet">{t("alarm.first", { n: ROWS_MAX })}</p> : null}
    </section>
  );
}

/** What the alarm rests on: of a window effect and evidence, of a detector the rates and its statistic. */
function figures(alarm: Alarm): string {
  const locale = language.value;
  if (alarm.detector === "window") {
    const missing = alarm.effect["missing_change"] ?? 0;
    const window = t("alarm.window", {
      effect: effect(locale, alarm.effect["psi"]),
      evidence: nats(locale, alarm.evidence),
      needed: nats(locale, alarm.threshold),
    });
    const figures = alarm.against === "same_hour_of_week" ? `${window} · ${t("alarm.sameHours")}` : window;
    return Math.abs(missing) < MISSING_MIN ? figures : `${t("drift.missingChange", { points: points(locale, missing) })}, ${figures}`;
  }
  const statistic = t("alarm.statistic", { name: detectorName(alarm.detector), statistic: decimal(locale, alarm.evidence, 3), threshold: decimal(locale, alarm.threshold, 3) });
  return [...means(alarm), statistic].join(" · ");
}

/** What a detector saw before the change and since: rates of errors, means of anything else. */
function means({ effect: { rate_before, rate_now, mean_before, mean_now, values_since } }: Alarm): string[] {
  const locale = language.value;
  const n = count(locale, values_since);
  if (rate_before !== undefined && rate_now !== undefined) {
    return [t("alarm.rates", { before: percent(locale, rate_before), now: percent(locale, rate_now), n })];
  }
  if (mean_before !== undefined && mean_now !== undefined) {
    return [t("alarm.means", { before: decimal(locale, mean_before, 4), now: decimal(locale, mean_now, 4), n })];
  }
  return [];
}

/** The drift tab with the column of the alarm in the window that was judged; the focus goes along, to the tab. */
function openAlarm({ subject, start, end }: Alarm): void {
  setQuery({ tab: "drift", column: subject, window: start === null || end === null ? null : `${start}/${end}` });
  requestAnimationFrame(() => document.getElementById("tab-drift")?.focus());
}
