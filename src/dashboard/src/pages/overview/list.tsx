/** The models as a table that only builds the rows on screen; on narrow screens each row is a card. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "../../format/number";
import { t, type Key } from "../../i18n";
import { scrollOf } from "../../route/route";
import { language } from "../../store/preferences";
import { models } from "./feed";
import { arrange, type Sort } from "./order";
import { ModelRow } from "./row";
import { clearFilter, selection, sortBy } from "./selection";
import { SORT_LABELS } from "./toolbar";
import { useVisibleRows } from "./use-visible";

/** Pixels; `overview.css` sets the same heights. */
const LAYOUTS = [
  { media: "(max-width: 860px)", height: 204 },
  { media: "(max-width: 1439px)", height: 74 },
  { media: "all", height: 58 },
] as const;

/** Milliseconds a row keeps its place while figures move, unless its reader asks for another order. */
const SETTLE_MS = 3_000;

const COLUMNS: { sort: Sort | null; class: string; label: Key; window: Key | null }[] = [
  { sort: "status", class: "c-status", label: "status.label", window: null },
  { sort: "name", class: "c-model", label: "column.model", window: null },
  { sort: "accuracy", class: "c-number accuracy", label: "column.accuracy", window: "window.last5" },
  { sort: null, class: "c-trail", label: "column.trail", window: "window.last60" },
  { sort: "error_rate", class: "c-number errors", label: "column.errorRate", window: "window.last5" },
  { sort: "p95", class: "c-number", label: "column.p95", window: "window.last5" },
  { sort: "throughput", class: "c-number", label: "column.throughput", window: "window.last5" },
  { sort: "coverage", class: "c-number coverage", label: "column.coverage", window: "window.last5" },
  { sort: "drift", class: "c-number drift", label: "column.drift", window: "window.lastDrift" },
];

export function ModelList() {
  const body = useRef<HTMLTableSectionElement>(null);
  const names = useCalmOrder();
  const height = useRowHeight();
  const visible = useVisibleRows(body, height, names.length);
  useLayoutEffect(() => window.scrollTo(0, scrollOf(location.pathname)), []);
  const byName = models.value.byName;
  const { sort, descending } = selection.value;

  return (
    <>
      <p class="quiet shown" role="status">
        {t("overview.shown", { shown: count(language.value, names.length), total: count(language.value, models.value.total) })}
      </p>
      <table class="models" role="table" aria-rowcount={names.length + 1} aria-label={t("overview.title")}>
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
          {names.slice(visible.first, visible.end).map((name, index) => {
            const model = byName.get(name);
            return model ? <ModelRow key={name} model={model} index={visible.first + index + 2} /> : null;
          })}
          <Spacer height={(names.length - visible.end) * height} />
        </tbody>
      </table>
      {names.length === 0 ? (
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

/**
 * The order of the list. A new filter, order or set of models counts at once; figures that merely move re-order it at most every
 * three seconds and never under the pointer, so that one can hit the row one aims at.
 */
function useCalmOrder(): string[] {
  const { byName } = models.value;
  const wanted = `${JSON.stringify(selection.value)} ${byName.size}`;
  const held = useRef({ wanted: "", at: 0, names: [] as string[] });
  const pointed = useRef(false);
  useEffect(() => {
    const watch = (event: PointerEvent): void => {
      pointed.current = event.target instanceof Element && event.target.closest("table.models tbody") !== null;
    };
    document.addEventListener("pointermove", watch, { passive: true });
    return () => document.removeEventListener("pointermove", watch);
  }, []);
  const settled = SETTLE_MS <= Date.now() - held.current.at && !pointed.current;
  if (held.current.wanted !== wanted || settled) {
    held.current = { wanted, at: Date.now(), names: arrange(byName, selection.value) };
  }
  return held.current.names;
}

const rowHeight = (): number => LAYOUTS.find(({ media }) => matchMedia(media).matches)!.height;

function useRowHeight(): number {
  const [height, setHeight] = useState(rowHeight);
  useEffect(() => {
    const follow = (): void => setHeight(rowHeight());
    window.addEventListener("resize", follow);
    return () => window.removeEventListener("resize", follow);
  }, []);
  return height;
}
