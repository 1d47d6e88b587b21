/** What one window holds: every metric with its interval, and the confusion matrix. */

import type { Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { ModelSummary, Window } from "../../api/types";
import { totalPath, windowsPath } from "../../api/paths";
import { api } from "../../api/session";
import { markersIn, type Marker } from "../../charts/markers";
import { t } from "../../i18n";
import { Span } from "../../shell/time";
import { count } from "../../format/number";
import { language } from "../../store/preferences";
import { seconds } from "../../store/windows";
import { ConfusionMatrix } from "./confusion";
import { MetricsTable } from "./metrics-table";
import { usePulse } from "./reading";
import { focus, shown } from "./view";

/** Milliseconds between two readings while the model is live. */
const REREAD_MS = 5_000;

interface Props {
  model: ModelSummary;
  /** Width in seconds of the windows in the charts, which is that of a picked one. */
  resolution: number;
  /** Start of the picked window, Unix seconds; `null` shows the whole range. */
  picked: Signal<number | null>;
  markers: readonly Marker[];
}

export function Details({ model, resolution, picked, markers }: Props) {
  const window = useDetails(model, resolution, picked.value);
  return (
    <section class="details card" aria-labelledby="details-title">
      <div class="section-head">
        <h2 id="details-title">{t("details.title")}</h2>
        {window === null ? null : (
          <p class="chart-window">
            {t(picked.value === null ? "details.latest" : "details.pinned")} · <Span start={window.start} end={window.end} />
            {window.closed ? null : <span class="tag">{t("chart.provisional")}</span>}
            <span class="n"> · {t("value.n", { n: count(language.value, window.predictions) })}</span>
          </p>
        )}
        {picked.value === null ? null : (
          <button type="button" onClick={() => (picked.value = null)}>
            {t("details.unpin")}
          </button>
        )}
      </div>
      {window === null ? null : <Noticed markers={markersIn(markers, window)} />}
      {window === null ? <p class="quiet">{t("details.none")}</p> : null}
      {window !== null && window.labelled === 0 ? <p class="quiet">{t("details.noLabels")}</p> : null}
      {window?.confusion ? <ConfusionMatrix confusion={window.confusion} /> : null}
      {window === null ? null : <MetricsTable task={model.task} window={window} />}
    </section>
  );
}

/** What was noticed in the window; each leads to where it is told in full. */
function Noticed({ markers }: { markers: readonly Marker[] }) {
  if (markers.length === 0) return null;
  return (
    <ul class="noticed" aria-label={t("details.noticed")}>
      {markers.map((marker, index) => (
        <li key={index}>
          <button type="button" class="pick marker-note" onClick={marker.open}>
            {marker.detected ? "▾" : "▿"} {marker.text}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Reads the window again as the model moves, but not more often than every five seconds. */
function useDetails(model: ModelSummary, resolution: number, picked: number | null): Window | null {
  const [window, setWindow] = useState<Window | null>(null);
  const { version, segment } = focus.value;
  const { from, to } = shown.value;
  const place = JSON.stringify([model.name, picked, picked === null ? [from, to] : resolution, version, segment]);
  const pulse = usePulse(model.changed_seq, REREAD_MS);
  useEffect(() => {
    const reading = new AbortController();
    const client = api.peek();
    const read =
      picked === null
        ? client?.get<Window>(totalPath(model.name, { from, to, version, segment }), reading.signal).then(({ body }) => (0 < body.predictions ? body : null))
        : client
            ?.get<Window[]>(windowsPath(model.name, { from: picked, to: picked + resolution, resolution, version, segment, metrics: null }), reading.signal)
            .then(({ body }) => body.find((each) => seconds(each.start) === picked) ?? null);
    read?.then(setWindow).catch(() => undefined);
    return () => reading.abort();
  }, [place, pulse]);
  return window;
}
