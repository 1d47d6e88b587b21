/** The findings as tables: open ones with their groups, which unfold, and those that are over. */

import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { Analysis, Finding } from "../../api/analysis";
import { count, decimal } from "../../format/number";
import { t } from "../../i18n";
import { useCalm, useKeepFocus } from "../../shell/calm";
import { StatusLight } from "../../shell/status-light";
import { Ago, Moment } from "../../shell/time";
import { language } from "../../store/preferences";
import type { Entry, Group } from "./order";
import { FindingRow } from "./row";
import { clearFilter, selection } from "./selection";
import { findingText, seriesText } from "./words";

/** More closed ones than this are shown on request. */
const CLOSED_MAX = 20;

/** Groups that are unfolded, by their entry's id; they stay so while the page is left and come back to. */
const unfolded = signal<ReadonlySet<string>>(new Set());

export function OpenFindings({ analysis, entries }: { analysis: Analysis; entries: readonly Entry[] }) {
  const table = useRef<HTMLTableElement>(null);
  const { order, stirred } = useCalm();
  useKeepFocus(table);
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const shown = order(entries.map((entry) => entry.id)).map((id) => byId.get(id)!);
  const { open, watched_series: watched, learning_series: learning } = analysis.summary;
  const listed = analysis.items.filter((finding) => finding.state === "open").length;
  const n = (value: number): string => count(language.value, value);

  if (entries.length === 0) {
    const filtered = selection.value.kind !== null || selection.value.text.trim() !== "";
    return (
      <div class="notice card" role="status">
        {open === 0 ? (
          <>
            <h2>{t(watched + learning === 0 ? "analysis.nothingWatched" : "analysis.ordinary")}</h2>
            <p>{watched + learning === 0 ? t("analysis.nothingWatchedHint") : t("analysis.ordinaryHint", { watched: n(watched), learning: n(learning) })}</p>
          </>
        ) : (
          <p>{t("analysis.noMatch")}</p>
        )}
        {filtered ? (
          <button type="button" onClick={clearFilter}>
            {t("overview.clear")}
          </button>
        ) : null}
      </div>
    );
  }
  return (
    <section class="card" aria-labelledby="open-title" {...stirred}>
      <div class="section-head">
        <h2 id="open-title">{t("analysis.openTitle")}</h2>
        <p class="chart-window">{t("analysis.since")}</p>
      </div>
      <Table label="open-title" table={table}>
        {shown.map((entry) =>
          "group" in entry ? (
            <GroupRows key={entry.id} id={entry.id} group={entry.group} />
          ) : (
            <tbody role="rowgroup" key={entry.id}>
              <FindingRow finding={entry.finding} />
            </tbody>
          ),
        )}
      </Table>
      {listed < open ? <p class="quiet foot">{t("analysis.gravest", { n: n(listed), total: n(open) })}</p> : null}
    </section>
  );
}

export function ClosedFindings({ findings }: { findings: readonly Finding[] }) {
  const all = useSignal(false);
  const table = useRef<HTMLTableElement>(null);
  useKeepFocus(table);
  if (findings.length === 0) return null;
  const shown = all.value ? findings : findings.slice(0, CLOSED_MAX);
  return (
    <section class="card" aria-labelledby="closed-title">
      <div class="section-head">
        <h2 id="closed-title">{t("analysis.closedTitle")}</h2>
      </div>
      <Table label="closed-title" table={table}>
        <tbody role="rowgroup">
          {shown.map((finding) => (
            <FindingRow key={finding.id} finding={finding} />
          ))}
        </tbody>
      </Table>
      {CLOSED_MAX < findings.length ? (
        <button type="button" class="more" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? t("details.less") : t("analysis.more", { n: count(language.value, findings.length) })}
        </button>
      ) : null}
    </section>
  );
}

function Table({ label, table, children }: { label: string; table: { current: HTMLTableElement | null }; children: ComponentChildren }) {
  return (
    <table class="findings" role="table" aria-labelledby={label} ref={table}>
      <thead role="rowgroup">
        <tr role="row">
          {(["severity", "where", "since", "value", "what"] as const).map((column) => (
            <th role="columnheader" scope="col" key={column} class={`c-${column}`}>
              {t(`finding.column.${column}`)}
            </th>
          ))}
        </tr>
      </thead>
      {children}
    </table>
  );
}

/** Names in a title; more are told by their number. */
const NAMES_MAX = 3;

function namesOf(members: readonly Finding[]): string {
  const names = [...new Set(members.map((finding) => finding.name))];
  const more = names.length - NAMES_MAX;
  return names.slice(0, NAMES_MAX).join(", ") + (0 < more ? ` +${count(language.value, more)}` : "");
}

/** Findings that moved together: one row that says so, and theirs below it when it is unfolded. */
function GroupRows({ id, group }: { id: string; group: Group }) {
  const { together, members, total, severity } = group;
  const open = unfolded.value.has(id);
  const locale = language.value;
  // An id of the page holds no blank.
  const key = encodeURIComponent(together.first);
  const first = members.find((finding) => finding.id === together.first) ?? null;
  const toggle = (): void => {
    const next = new Set(unfolded.value);
    if (!next.delete(id)) next.add(id);
    unfolded.value = next;
  };
  return (
    <>
      <tbody role="rowgroup">
        <tr role="row" class="group" data-group={together.first}>
          <td role="cell" class="c-severity">
            <StatusLight status={severity} />
          </td>
          <th role="rowheader" scope="row" class="c-where">
            <button type="button" class="pick" id={`fold-${key}`} aria-expanded={open} aria-controls={`members-${key}`} onClick={toggle}>
              <span aria-hidden="true">{open ? "▾" : "▸"}</span> {t(together.sources === 1 ? "analysis.togetherOne" : "analysis.together", { n: count(locale, total), sources: count(locale, together.sources) })}: {namesOf(members)}
            </button>
            <small>
              {members.length < total ? t("analysis.matching", { shown: members.length, n: total }) : null}
              {together.correlation === null ? null : ` ${t("analysis.correlation", { value: decimal(locale, together.correlation, 3) })}`}
            </small>
          </th>
          <td role="cell" class="c-since">
            <Ago at={together.started_at} />
            <small>
              <Moment at={together.started_at} />
            </small>
          </td>
          <td role="cell" class="c-what" colSpan={2}>
            {first === null ? null : (
              <>
                <span class="tag">{t("analysis.first")}</span> {first.name} <small>{seriesText(first)}</small>
                <p>{findingText(first)}</p>
              </>
            )}
          </td>
        </tr>
      </tbody>
      <tbody role="rowgroup" id={`members-${key}`} class="members" hidden={!open}>
        {open ? members.map((finding) => <FindingRow key={finding.id} finding={finding} isFirst={finding.id === together.first} />) : null}
      </tbody>
    </>
  );
}
