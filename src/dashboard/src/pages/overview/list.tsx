/** The models as a table that only builds the rows on screen; on narrow screens each row is a card. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "../../format/number";
import { isKey, t, type Key } from "../../i18n";
import { scrollOf } from "../../route/route";
import { language } from "../../store/preferences";
import type { Line } from "../../api/overview";
import type { ListInView } from "../../store/overview";
import { inView, overview } from "./feed";
import { GroupRow, ModelRow, PendingRow } from "./row";
import { clearFilter, compact, selection, sortBy, type Sort } from "./selection";
import { SORT_LABELS } from "./toolbar";
import { useVisibleRows } from "./use-visible";

/** Pixels; `overview.css` sets the same heights. */
const LAYOUTS = [
  { media: "(max-width: 860px)", height: 272, compact: 116 },
  { media: "(max-width: 1439px)", height: 74, compact: 38 },
  { media: "all", height: 66, compact: 38 },
] as const;

/** Milliseconds after the pointer last moved over the rows in which none of them changes its place. */
const CALM_MS = 3_000;

const COLUMNS: { sort: Sort | null; class: string; label: Key; window: Key | null }[] = [
  { sort: "status", class: "c-status", label: "status.label", window: null },
  { sort: "name", class: "c-model", label: "column.model", window: null },
  { sort: "accuracy", class: "c-number accuracy", label: "column.accuracy", window: "window.last5" },
  { sort: null, class: "c-trail", label: "column.trail", window: "window.last60" },
  { sort: "error_rate", class: "c-number errors", label: "column.errorRate", window: "window.last5" },
  { sort: "p95_seconds", class: "c-number", label: "column.p95", window: "window.last5" },
  { sort: "throughput_per_second", class: "c-number", label: "column.throughput", window: "window.last5" },
  { sort: "coverage", class: "c-number coverage", label: "column.coverage", window: "window.last5" },
  { sort: "drift", class: "c-number drift", label: "column.drift", window: "window.lastDrift" },
];

export function ModelList() {
  const body = useRef<HTMLTableSectionElement>(null);
  const list = useCalmList();
  const height = useRowHeight();
  const visible = useVisibleRows(body, height, list.lines_total);
  useLayoutEffect(() => window.scrollTo(0, scrollOf(location.pathname)), []);
  useEffect(() => {
    const next = { first: visible.first, rows: Math.max(1, visible.end - visible.first) };
    if (JSON.stringify(next) !== JSON.stringify(inView.peek())) inView.value = next;
  }, [visible]);
  const { rows, summary } = overview.value;
  const { sort, descending, archived } = selection.value;
  const all = (archived ? summary?.archived : summary?.total) ?? 0;

  return (
    <>
      <p class="quiet shown" role="status">
        {t("overview.shown", { shown: count(language.value, list.models_total), total: count(language.value, all) })}
      </p>
      <table class={compact.value ? "models compact" : "models"} role="table" aria-rowcount={list.lines_total + 1} aria-label={t("overview.title")}>
        <thead role="rowgroup">
          <tr role="row" aria-rowindex={1}>
            {COLUMNS.map((column) => (
              <th
                key={column.label}
                role="columnheader"
                scope="col"
                class={column.class}
                aria-sort={column.sort === sort ? (descending ? "descending" : "ascending") : column.sort === null ? undefined : "none"}
              >
                {column.sort === null ? t(column.label) : <SortButton sort={column.sort} />}
                {column.window === null ? null : <small>{t(column.window)}</small>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body} role="rowgroup">
          <Spacer height={visible.first * height} />
          {Array.from({ length: visible.end - visible.first }, (_, index) => {
            const place = visible.first + index;
            const line = list.lines[place - list.first];
            if (line === undefined) return <PendingRow key={place} index={place + 2} />;
            if (typeof line !== "string") return <GroupRow key={`group ${line.group}`} line={line} index={place + 2} name={groupName(line.group)} />;
            const model = rows.get(line);
            // below the headings of several tags a model stands several times
            const key = grouped(list) ? `${place} ${line}` : line;
            return model ? <ModelRow key={key} model={model} index={place + 2} /> : <PendingRow key={key} index={place + 2} />;
          })}
          <Spacer height={(list.lines_total - visible.end) * height} />
        </tbody>
      </table>
      {list.lines_total === 0 ? (
        <div class="notice">
          <p>{t("overview.noMatch")}</p>
          <button type="button" onClick={clearFilter}>
            {t("overview.clear")}
          </button>
        </div>
      ) : null}
    </>
  );
}

function SortButton({ sort }: { sort: Sort }) {
  const { sort: current, descending } = selection.value;
  return (
    <button type="button" class="sort" onClick={() => sortBy(sort)}>
      {t(SORT_LABELS[sort])}
      {current === sort ? (
        <span class="arrow" aria-hidden="true">
          {descending ? "↓" : "↑"}
        </span>
      ) : null}
    </button>
  );
}

/** Room for the rows that are not built. */
function Spacer({ height }: { height: number }) {
  return height === 0 ? null : (
    <tr class="spacer" aria-hidden="true">
      <td style={{ height: `${height}px` }} />
    </tr>
  );
}

const grouped = (list: ListInView): boolean => list.lines.some((line) => typeof line !== "string");

function groupName(group: string): string {
  const by = selection.value.group;
  const status = `status.${group}`;
  if (by === "status" && isKey(status)) return t(status);
  return group === "" ? t(by === "owner" ? "overview.noOwner" : "overview.noTag") : group;
}

/**
 * The part of the list to show. What its reader asks for counts at once; an order that merely moves waits while the pointer moves over
 * the rows, so that one can hit the row one aims at.
 */
function useCalmList(): ListInView {
  const { list } = overview.value;
  const wanted = JSON.stringify([selection.value, list.first, list.lines_total]);
  const held = useRef<{ wanted: string; list: ListInView }>({ wanted: "", list });
  const pointed = useRef(0);
  useEffect(() => {
    const watch = (event: PointerEvent): void => {
      if (event.target instanceof Element && event.target.closest("table.models tbody") !== null) pointed.current = Date.now();
    };
    document.addEventListener("pointermove", watch, { passive: true });
    return () => document.removeEventListener("pointermove", watch);
  }, []);
  const calm = Date.now() - pointed.current < CALM_MS && held.current.wanted === wanted && sameLines(held.current.list.lines, list.lines);
  if (!calm) held.current = { wanted, list };
  return held.current.list;
}

/** Whether both hold the same lines, in whatever order. */
function sameLines(before: readonly Line[], now: readonly Line[]): boolean {
  const names = new Set(before.map((line) => JSON.stringify(line)));
  return before.length === now.length && now.every((line) => names.has(JSON.stringify(line)));
}

function rowHeight(): number {
  const layout = LAYOUTS.find(({ media }) => matchMedia(media).matches)!;
  return compact.value ? layout.compact : layout.height;
}

function useRowHeight(): number {
  const [height, setHeight] = useState(rowHeight);
  useEffect(() => {
    const follow = (): void => setHeight(rowHeight());
    follow();
    window.addEventListener("resize", follow);
    return () => window.removeEventListener("resize", follow);
  }, [compact.value]);
  return height;
}
