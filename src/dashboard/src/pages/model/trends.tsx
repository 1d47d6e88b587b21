/** The charts over time, or the same as a table. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { ModelSummary } from "../../api/types";
import { slotsOf, type Slots } from "../../charts/columns";
import type { Marker } from "../../charts/markers";
import { t } from "../../i18n";
import { now } from "../../store/clock";
import type { WindowsFeed } from "./feed";
import { ErrorChart, LatencyChart, QualityChart, ThroughputChart, type Panel } from "./panels";
import { useModelThresholds } from "./thresholds/use-thresholds";
import { WindowTable } from "./window-table";
import { asTable, everyLook, focus, metric, range, resetZoom, showCustom, showEveryLook, shownAt, zoom, zoomTo, type Shown } from "./view";

interface Props {
  model: ModelSummary;
  feed: WindowsFeed;
  markers: readonly Marker[];
  onPick: (start: number) => void;
}

export function Trends({ model, feed, markers, onPick }: Props) {
  const cursor = useSignal<number | null>(null);
  const thresholds = useModelThresholds(model).body;
  const shown = useShown(cursor.value !== null);
  useRequest(feed, shown);
  const slots = useComputed(() => slotsOf(feed.windows.value, feed.resolution.value)).value;
  const inView = useMemo(() => slotsIn(slots, shown), [slots, shown.from, shown.to]);
  const state = feed.state.value;

  if (typeof state === "object") {
    return (
      <div class="notice card" role="alert">
        <p>{t("chart.failed", { message: state.failed })}</p>
        <button type="button" onClick={() => feed.retry()}>
          {t("chart.retry")}
        </button>
      </div>
    );
  }
  if (asTable.value) return <WindowTable model={model} slots={inView} />;
  const panel: Panel = {
    model,
    thresholds,
    slots: inView,
    view: { from: shown.from, to: shown.to },
    markers,
    cursor,
    onZoom: zoomTo,
    onReset: resetZoom,
    onPick,
  };
  return (
    <section class="trends" aria-busy={state === "loading"}>
      <div class="charts">
        <QualityChart {...panel} />
        <ErrorChart {...panel} />
        <LatencyChart {...panel} />
        <ThroughputChart {...panel} />
      </div>
      <label class="radio every-look" title={t("chart.everyLookTitle")}>
        <input type="checkbox" checked={everyLook.value} onChange={(event) => showEveryLook(event.currentTarget.checked)} />
        {t("chart.everyLook")}
      </label>
      <p class="quiet hint">
        {inView.x.length === 0 && state === "ready" ? <Empty model={model} /> : state === "loading" ? t("chart.loading") : t("chart.hint")}
      </p>
    </section>
  );
}

/** A way back to where the data is, for models that stopped or were backfilled. */
function Empty({ model }: { model: ModelSummary }) {
  const last = model.last_prediction_at;
  return (
    <>
      {t("range.empty")}{" "}
      {last === null ? null : (
        <button type="button" onClick={() => showCustom({ from: Date.parse(last) / 1000 - 3600, to: Date.parse(last) / 1000 + 120 })}>
          {t("range.jump")}
        </button>
      )}
    </>
  );
}

/** The view; it stands still while someone reads a point, and slides on afterwards. */
function useShown(reading: boolean): Shown {
  const fresh = shownAt(range.value, zoom.value, now.value.getTime() / 1000);
  const key = JSON.stringify([range.value, zoom.value]);
  const held = useRef({ key, shown: fresh });
  if (held.current.key !== key || !reading) {
    const same = held.current.key === key && held.current.shown.to === fresh.to && held.current.shown.from === fresh.from;
    if (!same) held.current = { key, shown: fresh };
  }
  return held.current.shown;
}

/** Asks again when what is shown changes in kind; a range that merely slides is kept up by the feed. */
function useRequest(feed: WindowsFeed, shown: Shown): void {
  const { version, segment } = focus.value;
  const kind = JSON.stringify([range.value, zoom.value === null ? null : [shown.from, shown.to], shown.resolution, version, segment, metric.value]);
  useEffect(() => {
    const metrics = [...new Set(["accuracy", "error_rate", metric.value])];
    // A window that begins before the view still reaches into it.
    const from = Math.floor(shown.from / shown.resolution) * shown.resolution;
    feed.show({ from, to: shown.to, resolution: shown.resolution, version, segment, metrics, follows: shown.follows });
  }, [feed, kind]);
}

function slotsIn(slots: Slots, { from, to, follows }: Shown): Slots {
  const inside = (at: number): boolean => from <= at && (follows || at < to);
  const first = slots.x.findIndex(inside);
  if (first === -1) return { x: [], windows: [] };
  const end = slots.x.findLastIndex(inside) + 1;
  return { x: slots.x.slice(first, end), windows: slots.windows.slice(first, end) };
}
