/** A chart with its title, its readout and its key: the readout has its own room, so nothing moves while one looks. */

import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Window } from "../api/types";
import { count } from "../format/number";
import { span } from "../format/time";
import { t } from "../i18n";
import { Span } from "../shell/time";
import { now } from "../store/clock";
import { language } from "../store/preferences";
import type { Token } from "./colours";
import { nearestSlot, stepSlot, type Slots } from "./columns";
import { markersIn, type Marker } from "./markers";
import { Plot, type View } from "./plot";
import type { ChartSpec } from "./spec";

export interface Reading {
  name: string;
  colour: Token;
  value: string;
  /** Interval, n: what the value rests on. */
  note?: string;
}

export interface ChartProps {
  name: string;
  title?: ComponentChildren;
  spec: ChartSpec;
  slots: Slots;
  view: View;
  markers: readonly Marker[];
  cursor: Signal<number | null>;
  read: (window: Window) => Reading[];
  onZoom: (view: View) => void;
  onReset: () => void;
  onPick: (start: number) => void;
}

export function Chart({ title, read, ...plot }: ChartProps) {
  const { slots, cursor, name, markers } = plot;
  const slot = cursor.value === null ? stepSlot(slots, null, -1) : nearestSlot(slots, cursor.value);
  const window = slot === null ? null : (slots.windows[slot] ?? null);
  return (
    <section class="chart card" aria-label={name}>
      <div class="chart-head">
        <h3>{title ?? name}</h3>
        <p class="chart-window" data-testid="chart-window">
          {window === null ? "" : <WindowNote window={window} markers={markers} />}
        </p>
      </div>
      <dl class="readout">
        {window === null
          ? null
          : read(window).map((reading) => (
              <div key={reading.name}>
                <dt>
                  <span class={`swatch ${reading.colour}`} />
                  {reading.name}
                </dt>
                <dd>
                  <b>{reading.value}</b>
                  {reading.note === undefined ? null : <small>{reading.note}</small>}
                </dd>
              </div>
            ))}
      </dl>
      <Plot {...plot} describe={(at) => sentence(slots.windows[at] ?? null, read, markers)} />
    </section>
  );
}

/** Which window, how many predictions, whether it can still change, and what was noticed at the time. */
function WindowNote({ window, markers }: { window: Window; markers: readonly Marker[] }) {
  const inside = markersIn(markers, window);
  return (
    <>
      {inside.length === 0 ? null : (
        <span class="marker-note" title={inside.map((marker) => marker.text).join("; ")}>
          ▾ {inside[0]!.text}
          {inside.length === 1 ? "" : ` +${inside.length - 1}`}{" "}
        </span>
      )}
      <Span start={window.start} end={window.end} />
      {window.closed ? null : <span class="tag">{t("chart.provisional")}</span>}
      <span class="n"> · {t("value.n", { n: count(language.value, window.predictions) })}</span>
    </>
  );
}

function sentence(window: Window | null, read: (window: Window) => Reading[], markers: readonly Marker[]): string {
  if (window === null) return "";
  const when = span(language.value, new Date(window.start), new Date(window.end), now.peek());
  const values = read(window).map((reading) => `${reading.name} ${reading.value}${reading.note === undefined ? "" : `, ${reading.note}`}`);
  const n = t("value.n", { n: count(language.value, window.predictions) });
  return [when, ...(window.closed ? [] : [t("chart.provisional")]), n, ...values, ...markersIn(markers, window).map((marker) => marker.text)].join("; ");
}
