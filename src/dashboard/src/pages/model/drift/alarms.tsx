/** Every incident, the newest first: what has moved, since when, in which versions, and what can be done; the same as markers for the charts. */

import { useSignal } from "@preact/signals";
import type { Alarm, DriftReport, Incident, JudgedWindow, ReferenceTaken } from "../../../api/drift";
import { referencePath } from "../../../api/paths";
import { api } from "../../../api/session";
import type { Marker } from "../../../charts/markers";
import { effect, MISSING_MIN, nats, points } from "../../../format/drift";
import { count, decimal, percent } from "../../../format/number";
import { t } from "../../../i18n";
import { setQuery } from "../../../route/route";
import { Confirm } from "../../../shell/confirm";
import { failureText } from "../../../shell/failure";
import { Moment, Span } from "../../../shell/time";
import { language } from "../../../store/preferences";
import { role } from "../../../store/session";
import { seconds } from "../../../store/windows";
import { detectorName, subjectName } from "./words";

const ROWS_MAX = 20;

/** Where incidents stand on a chart: from the moment at which the change is estimated to have begun up to its end. */
export const markersOf = (incidents: readonly Incident[]): Marker[] =>
  incidents.flatMap((incident) => {
    const { first, latest } = incident;
    const begin: Marker = {
      open: () => openAlarm(first),
      at: seconds(incident.onset),
      until: incident.end === null ? null : seconds(incident.end),
      detected: true,
      text: t("alarm.detectedOf", { name: nameOf(incident) }),
    };
    if (incident.end === null) return [begin];
    return [begin, { open: () => openAlarm(latest), at: seconds(incident.end), detected: false, text: t("alarm.clearedOf", { name: nameOf(incident) }) }];
  });

/** What has moved, and in which segment where it is only in one. */
function nameOf({ subject, first, segments }: Incident): string {
  const segment = segments.length === 1 ? Object.entries(first.segment ?? {}).map(([name, value]) => `${name}: ${value}`) : [];
  return [subjectName(subject), ...segment].join(" · ");
}

interface Props {
  report: DriftReport;
  onOpen: (subject: string) => void;
  /** What is new has been accepted as normal. */
  onAccepted: () => void;
}

export function IncidentList({ report, onOpen, onAccepted }: Props) {
  const { model, incidents, columns } = report;
  const newest = [...incidents].reverse().sort((a, b) => Number(a.end !== null) - Number(b.end !== null)).slice(0, ROWS_MAX);
  return (
    <section class="card alarms" aria-labelledby="alarms-title">
      <div class="section-head">
        <h2 id="alarms-title">{t("alarm.title")}</h2>
      </div>
      {newest.length === 0 ? <p class="quiet">{t("alarm.none")}</p> : null}
      <ol>
        {newest.map((incident) => (
          <li key={incident.number}>
            <svg class={`shape ${incident.end === null ? "drift" : "over"}`} viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
              <path d="M.6 1.4h12.8L7 12.8z" />
            </svg>
            <div>
              <p>
                {columns.some((column) => column.subject === incident.subject) ? (
                  <button type="button" class="pick" onClick={() => onOpen(incident.subject)}>
                    {nameOf(incident)}
                  </button>
                ) : (
                  <b>{nameOf(incident)}</b>
                )}{" "}
                <b>{t(incident.ended_by === null ? "alarm.detected" : `alarm.${incident.ended_by}`)}</b>{" "}
                <span class="quiet">
                  {incident.end === null ? (
                    <>
                      {t("alarm.since")} <Moment at={incident.onset} />
                    </>
                  ) : (
                    <Span start={incident.onset} end={incident.end} />
                  )}
                </span>
              </p>
              <p class="quiet">{whereOf(incident)}</p>
              <p class="quiet">{[t("alarm.noticed"), figures(incident.end === null ? incident.latest : incident.first)].join(" ")}</p>
              <Lately incident={incident} report={report} />
              <Worst incident={incident} report={report} />
              {incident.actions.includes("accept") && role.value !== "viewer" ? <Accept model={model} incident={incident} onAccepted={onAccepted} /> : null}
            </div>
          </li>
        ))}
      </ol>
      {ROWS_MAX < incidents.length ? <p class="quiet">{t("alarm.first", { n: ROWS_MAX })}</p> : null}
      {newest.some((incident) => incident.end === null) ? <p class="quiet foot">{t("alarm.whatToDo")}</p> : null}
    </section>
  );
}

/** The versions it is in, and how often it was told again. */
function whereOf({ versions, segments, updates }: Incident): string {
  const isNamed = versions.some((version) => version !== null);
  const names = versions.map((version) => version ?? t("drift.unnamed")).join(", ");
  const parts = segments.map((segment) => Object.entries(segment).map(([name, value]) => `${name}: ${value}`).join(", "));
  const told = updates === 0 ? [] : [t("alarm.updates", { n: count(language.value, updates) })];
  return [isNamed ? t("alarm.versions", { names }) : names, ...(1 < parts.length ? [parts.join("; ")] : []), ...told].join(" · ");
}

/** What the last judged window says of what goes on, of the version that is looked at if it is one of them: how it is now, and not when it was told. */
function Lately({ incident, report }: { incident: Incident; report: DriftReport }) {
  const judged = incident.now.find(({ version }) => version === report.version) ?? incident.now[0];
  const figures = judged === undefined ? null : windowText(judged, report);
  return figures === null ? null : <p class="quiet">{t("alarm.lately", { figures })}</p>;
}

/** The judged window in which it stood worst, and when that was. */
function Worst({ incident: { worst }, report }: { incident: Incident; report: DriftReport }) {
  const figures = worst === null ? null : windowText(worst, report);
  if (worst === null || figures === null) return null;
  return (
    <p class="quiet">
      {t("alarm.worst", { figures })} <Span start={worst.start} end={worst.end} />
    </p>
  );
}

/** What a judged window says of an incident; the version is named where it is another than the one that is looked at. */
function windowText({ version, effect: seen, n, evidence, needed }: JudgedWindow, report: DriftReport): string | null {
  const locale = language.value;
  const { rate_before: before, rate_now: now, psi } = seen;
  const name = version === report.version ? "" : ` · ${version ?? t("drift.unnamed")}`;
  if (before !== undefined && now !== undefined) {
    return t("alarm.rates", { before: percent(locale, before), now: percent(locale, now), n: count(locale, n) }) + name;
  }
  if (psi === undefined || evidence === null || needed === null) return null;
  return t("alarm.window", { effect: effect(locale, psi), evidence: nats(locale, evidence), needed: nats(locale, needed) }) + name;
}

/** Takes what comes from here on for what is normal: the reference of the version is gathered anew. */
function Accept({ model, incident, onAccepted }: { model: string; incident: Incident; onAccepted: () => void }) {
  const course = useSignal<"idle" | "asking" | "sending" | { failed: string }>("idle");
  const [version] = incident.versions;
  const named = incident.versions.map((each) => each ?? t("drift.unnamed")).join(", ");
  const accept = async (): Promise<void> => {
    course.value = "sending";
    try {
      const named = incident.versions.filter((each): each is string => each !== null);
      const whole = version === undefined || named.length < incident.versions.length;
      for (const each of whole ? [null] : named) await api.peek()?.put<ReferenceTaken>(referencePath(model, { version: each }));
      course.value = "idle";
      onAccepted();
    } catch (error) {
      course.value = { failed: failureText(error) };
    }
  };
  return (
    <p class="accept">
      <button type="button" aria-disabled={course.value === "sending"} onClick={() => course.value !== "sending" && (course.value = "asking")}>
        {t("alarm.accept")}
      </button>
      {typeof course.value === "object" ? <span role="alert">{course.value.failed}</span> : null}
      {course.value !== "asking" ? null : (
        <Confirm title={t("alarm.acceptTitle")} action={t("alarm.accept")} onConfirm={() => void accept()} onCancel={() => (course.value = "idle")}>
          <p>{t("alarm.acceptAsk", { versions: named })}</p>
        </Confirm>
      )}
    </p>
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

/** What a detector saw before the change and since: rates of wrong answers or of failures, means of anything else. */
function means({ subject, effect: { rate_before, rate_now, mean_before, mean_now, values_since } }: Alarm): string[] {
  const locale = language.value;
  const [before, now] = [rate_before ?? mean_before, rate_now ?? mean_now];
  if (before === undefined || now === undefined) return [];
  const n = count(locale, values_since);
  const rate = subject === "error" ? "alarm.rates" : subject === "failure" ? "alarm.failureRates" : null;
  if (rate === null) return [t("alarm.means", { before: decimal(locale, before, 4), now: decimal(locale, now, 4), n })];
  return [t(rate, { before: percent(locale, before), now: percent(locale, now), n })];
}

/** The drift tab with the column of the alarm in the window that was judged; the focus goes along, to the tab. */
function openAlarm({ subject, start, end }: Alarm): void {
  setQuery({ tab: "drift", column: subject, window: start === null || end === null ? null : `${start}/${end}` });
  requestAnimationFrame(() => document.getElementById("tab-drift")?.focus());
}
