/**
 * Columns × windows: how far each has moved, by colour and by number, and a mark where effect and evidence both say drift. For a keyboard
 * it is a grid (WAI-ARIA): one stop for Tab, arrow keys between the cells, Enter opens the column in that window.
 */

import { useSignal, type Signal } from "@preact/signals";
import type { TargetedEvent, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { DriftPolicy, DriftScore, DriftWindow, WindowColumn } from "../../../api/drift";
import { effect, nats } from "../../../format/drift";
import { count, duration, percent } from "../../../format/number";
import { clock, day, span } from "../../../format/time";
import { t } from "../../../i18n";
import { now } from "../../../store/clock";
import { language } from "../../../store/preferences";
import { driftWindow } from "../view";
import { moved, slotsOf, step, STEPS, type Slot } from "./grid";
import { SEEN_NATS } from "./order";
import { subjectName } from "./words";

/** More rows than this are shown on request. */
const ROWS_MAX = 30;

interface Props {
  /** Subjects, in order. */
  subjects: readonly string[];
  windows: readonly DriftWindow[];
  policy: DriftPolicy;
  /** The window that verdicts and score are of. */
  judged: DriftScore | null;
  open: string | null;
  onOpen: (subject: string, window: { start: string; end: string } | null, byKey: boolean) => void;
}

/** Names a cell whatever rows and windows come and go around it. */
interface Cell {
  subject: string;
  slot: string;
}

export function Heatmap({ subjects, windows, policy, judged, open, onOpen }: Props) {
  const all = useSignal(false);
  const pointed = useSignal<Cell | null>(null);
  const focused = useSignal<Cell | null>(null);
  const table = useRef<HTMLTableElement>(null);
  const slots = slotsOf(windows);
  const rows = all.value ? subjects : subjects.slice(0, ROWS_MAX);
  useStayAtEnd(table, slots.length);
  useKeepFocus(table);

  const row = Math.max(0, rows.indexOf(focused.value?.subject ?? ""));
  const known = slots.findIndex((slot) => slot.key === focused.value?.slot);
  const stop = { row, slot: known === -1 ? slots.length - 1 : known };

  const cellOf = (target: EventTarget | null): Cell | null => {
    const element = target instanceof Element ? target.closest<HTMLElement>("td[data-slot]") : null;
    return element === null ? null : { subject: element.dataset["subject"]!, slot: element.dataset["slot"]! };
  };
  const choose = (cell: Cell, byKey: boolean): void => {
    const window = slots.find((slot) => slot.key === cell.slot)?.window;
    if (window) onOpen(cell.subject, { start: window.start, end: window.end }, byKey);
  };
  const steer = (event: TargetedKeyboardEvent<HTMLTableElement>): void => {
    const cell = cellOf(event.target);
    if (cell === null || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(cell, true);
      return;
    }
    const to = moved(stop, event.key, rows.length, slots.length, event.ctrlKey);
    if (to === null) return;
    event.preventDefault();
    table.current?.tBodies[0]?.rows[to.row]?.cells[to.slot + 1]?.focus();
  };
  const point = (event: TargetedEvent<HTMLTableElement, Event>): void => {
    pointed.value = cellOf(event.target);
  };

  return (
    <section class="card heatmap" aria-labelledby="heatmap-title">
      <div class="section-head">
        <h2 id="heatmap-title">{t("heatmap.title")}</h2>
        <Key />
      </div>
      <Readout pointed={pointed} focused={focused} slots={slots} policy={policy} />
      <div class="scroller heat-scroller">
        <table
          class="heat"
          role="grid"
          aria-labelledby="heatmap-title"
          aria-description={t("heatmap.keys")}
          ref={table}
          onKeyDown={steer}
          onMouseOver={point}
          onMouseLeave={() => (pointed.value = null)}
          onFocusIn={(event) => (focused.value = cellOf(event.target) ?? focused.peek())}
          onClick={(event) => {
            const cell = cellOf(event.target);
            if (cell !== null) choose(cell, false);
          }}
        >
          <thead>
            <tr>
              <th scope="col" class="corner">
                {t("drift.column")}
              </th>
              {slots.map((slot, index) => (
                <SlotHead key={slot.key} slot={slot} before={slots[index - 1] ?? null} isJudged={isJudged(slot, judged)} />
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((subject, rowAt) => (
              <tr key={subject} class={open === subject ? "picked" : undefined}>
                <th scope="row" title={subjectName(subject)}>
                  <button type="button" class="pick" tabIndex={-1} onClick={() => onOpen(subject, null, false)}>
                    {subjectName(subject)}
                  </button>
                </th>
                {slots.map((slot, slotAt) => {
                  const cell = slot.window?.columns[subject] ?? null;
                  const level = step(cell);
                  const drifts = cell?.drift === true;
                  const picked = open === subject && slot.window !== null && driftWindow.value === `${slot.start}/${slot.end}`;
                  return (
                    <td
                      key={slot.key}
                      class={`${level === null ? "unknown" : `heat-${level}`} ${drifts ? "drifts" : ""}`}
                      data-subject={subject}
                      data-slot={slot.key}
                      tabIndex={rowAt === stop.row && slotAt === stop.slot ? 0 : -1}
                      aria-selected={picked}
                      aria-label={cellText(subject, slot, cell, policy)}
                    >
                      {drifts ? <i aria-hidden="true">▲</i> : null}
                      {level === null ? "" : effect(language.value, cell!.psi)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {ROWS_MAX < subjects.length ? (
        <button type="button" class="more" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? t("details.less") : t("heatmap.more", { n: count(language.value, subjects.length) })}
        </button>
      ) : null}
    </section>
  );
}

/** Whether it is the window that verdicts and score are of. */
const isJudged = (slot: Slot, judged: DriftScore | null): boolean =>
  slot.window !== null && judged !== null && Date.parse(slot.start) === Date.parse(judged.window) && Date.parse(slot.end) === Date.parse(judged.end);

/** The time at which a window starts, and the day where it is another one than before. */
function SlotHead({ slot, before, isJudged }: { slot: Slot; before: Slot | null; isJudged: boolean }) {
  const locale = language.value;
  const [start, end] = [new Date(slot.start), new Date(slot.end)];
  const width = (end.getTime() - start.getTime()) / 1000;
  const otherDay = before === null ? start.toDateString() !== now.value.toDateString() : new Date(before.start).toDateString() !== start.toDateString();
  const title = span(locale, start, end, now.value);
  const kind = isJudged ? "judged" : slot.window?.closed === false ? "open" : undefined;
  return (
    <th scope="col" title={isJudged ? `${title}: ${t("drift.lastJudged")}` : title} class={kind}>
      {otherDay || 86_400 <= width ? <small>{day(locale, start)}</small> : null}
      {slot.window === null ? <span aria-label={t("heatmap.gap", { width: duration(locale, width) })}>⋯</span> : 86_400 <= width ? null : clock(locale, start)}
    </th>
  );
}

/** What the cell under the pointer or the focus says; it has its own room, so nothing moves. */
function Readout({ pointed, focused, slots, policy }: { pointed: Signal<Cell | null>; focused: Signal<Cell | null>; slots: readonly Slot[]; policy: DriftPolicy }) {
  const cell = pointed.value ?? focused.value;
  const slot = slots.find((each) => each.key === cell?.slot);
  return (
    <p class="heat-readout" data-testid="heat-readout">
      {cell === null || slot === undefined ? (
        <span class="quiet">{t("heatmap.hint")}</span>
      ) : (
        cellText(cell.subject, slot, slot.window?.columns[cell.subject] ?? null, policy)
      )}
    </p>
  );
}

function cellText(subject: string, slot: Slot, cell: WindowColumn | null, policy: DriftPolicy): string {
  const locale = language.value;
  const head = `${subjectName(subject)}, ${span(locale, new Date(slot.start), new Date(slot.end), now.peek())}`;
  if (slot.window === null) return `${head}: ${t("heatmap.nothing")}`;
  const n = t("value.n", { n: count(locale, slot.window.predictions) });
  const open = slot.window.closed ? [] : [t("chart.provisional")];
  if (cell === null || cell.psi === null) return `${head}: ${[t("status.column.no_data"), n, ...open].join(", ")}`;
  const figures = t("heatmap.figures", { effect: effect(locale, cell.psi), evidence: nats(locale, cell.evidence), needed: nats(locale, slot.window.evidence_needed) });
  const missing = 0 < cell.missing ? [t("heatmap.missing", { share: percent(locale, cell.missing / slot.window.predictions) })] : [];
  const verdict = t(cell.drift ? "status.column.drift" : policy.psi_threshold <= cell.psi && SEEN_NATS <= (cell.evidence ?? 0) ? "heatmap.notEvident" : "heatmap.noDrift");
  return `${head}: ${[verdict, figures, ...missing, n, ...open].join(", ")}`;
}

function Key() {
  const locale = language.value;
  return (
    <ul class="heat-key" aria-label={t("heatmap.key")}>
      <li>{t("drift.effect")}</li>
      {[0, ...STEPS].map((least, level) => (
        <li key={least}>
          <span class={`box heat-${level}`} aria-hidden="true" />
          {level === 0 ? `<${effect(locale, STEPS[0])}` : `≥${effect(locale, least)}`}
        </li>
      ))}
      <li>
        <span class="box drifts" aria-hidden="true">
          <i>▲</i>
        </span>
        {t("status.column.drift")}
      </li>
      <li>
        <span class="box unknown" aria-hidden="true" />
        {t("status.column.no_data")}
      </li>
      <li>
        <span class="judged-mark" aria-hidden="true" />
        {t("drift.lastJudged")}
      </li>
    </ul>
  );
}

/** The newest window is in sight at first, and stays so while new ones come, unless someone has scrolled back. */
function useStayAtEnd(table: { current: HTMLTableElement | null }, slots: number): void {
  const end = useRef(true);
  useLayoutEffect(() => {
    const scroller = table.current?.parentElement;
    if (!scroller) return;
    const follow = (): void => {
      end.current = scroller.scrollWidth - scroller.clientWidth - scroller.scrollLeft < 8;
    };
    scroller.addEventListener("scroll", follow, { passive: true });
    return () => scroller.removeEventListener("scroll", follow);
  }, []);
  useLayoutEffect(() => {
    const scroller = table.current?.parentElement;
    if (scroller && end.current) scroller.scrollLeft = scroller.scrollWidth;
  }, [slots]);
}

/** A focused cell whose window has left the grid hands the focus to the one that is Tab's stop now. */
function useKeepFocus(table: { current: HTMLTableElement | null }): void {
  const within = table.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    if (within && table.current?.contains(document.activeElement) === false) {
      table.current.querySelector<HTMLElement>('td[tabindex="0"]')?.focus({ preventScroll: true });
    }
  });
}
