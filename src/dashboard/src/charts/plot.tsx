/**
 * One chart over time. The cursor is a time, not a pixel, and is shared: new data moves neither it nor the view.
 * For a keyboard and a screen reader the chart is a slider over its windows, whose value text is the whole readout.
 */

import { effect, type Signal } from "@preact/signals";
import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { t } from "../i18n";
import { language } from "../store/preferences";
import { nearestSlot, stepSlot, type Slots } from "./columns";
import { markerAt, type Marker } from "./markers";
import { dataOf, HEIGHT, optionsOf, shapeOf } from "./options";
import type { ChartSpec } from "./spec";
import { useColours } from "./use-colours";

export interface View {
  /** Unix seconds. */
  from: number;
  to: number;
}

interface Props {
  name: string;
  spec: ChartSpec;
  slots: Slots;
  view: View;
  markers: readonly Marker[];
  /** Start of the window under the cursor, Unix seconds; `null` if none. */
  cursor: Signal<number | null>;
  /** The readout of a slot as one sentence. */
  describe: (slot: number) => string;
  onZoom: (view: View) => void;
  onReset: () => void;
  onPick: (start: number) => void;
}

export function Plot(props: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const colours = useColours();
  const locale = language.value;
  const shape = shapeOf(props.spec);

  useLayoutEffect(() => {
    const element = holder.current!;
    const built = new uPlot(
      optionsOf(props.spec, colours, locale, Math.max(200, element.clientWidth), {
        onZoom: (from, to) => latest.current.onZoom({ from, to }),
        onReset: () => latest.current.onReset(),
        markers: () => latest.current.markers,
        snap: (left) => {
          const slot = slotAt(built, latest.current.slots, left);
          return slot === null ? left : built.valToPos(latest.current.slots.x[slot]!, "x");
        },
      }),
      [[]],
      element,
    );
    chart.current = built;
    const unlisten = listen(built, latest);
    const stop = effect(() => place(built, latest.current.slots, latest.current.cursor.value));
    const observer = new ResizeObserver(() => {
      const width = Math.max(200, element.clientWidth);
      if (width !== built.width) built.setSize({ width, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      stop();
      unlisten();
      built.destroy();
      chart.current = null;
    };
  }, [shape, colours, locale]);

  useEffect(() => {
    const built = chart.current;
    if (built === null) return;
    built.batch(() => {
      built.setData(dataOf(props.slots, props.spec), false);
      built.setScale("x", { min: props.view.from, max: props.view.to });
    });
    place(built, props.slots, props.cursor.peek());
  }, [props.slots, props.spec, props.view.from, props.view.to, shape, colours, locale]);

  useEffect(() => chart.current?.redraw(false), [props.markers]);

  const slot = props.cursor.value === null ? null : nearestSlot(props.slots, props.cursor.value);
  const said = slot ?? stepSlot(props.slots, null, -1);
  return (
    <div
      class="plot"
      ref={holder}
      role="slider"
      tabIndex={0}
      aria-label={t("chart.over", { name: props.name })}
      aria-description={t("chart.keys")}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, props.slots.x.length - 1)}
      aria-valuenow={said ?? 0}
      aria-valuetext={said === null ? t("range.empty") : props.describe(said)}
      onKeyDown={(event) => steer(event, props)}
      onBlur={() => (props.cursor.value = null)}
    />
  );
}

const slotAt = (chart: uPlot, slots: Slots, left: number): number | null => nearestSlot(slots, chart.posToVal(left, "x"));

/** Puts the cursor line on the window starting at `start`, or away. */
function place(chart: uPlot, slots: Slots, start: number | null): void {
  const slot = start === null ? null : nearestSlot(slots, start);
  const left = slot === null ? -10 : chart.valToPos(slots.x[slot]!, "x");
  chart.setCursor({ left: left < 0 || chart.over.clientWidth < left ? -10 : left, top: 0 }, false);
}

/** Pointer over the plot: hover sets the shared cursor, a click that is no drag picks the window, or opens the marker it hits. */
function listen(chart: uPlot, latest: { current: Props }): () => void {
  let pressedAt = 0;
  const markerUnder = (event: MouseEvent): Marker | null => markerAt(chart, latest.current.markers, event.offsetX, event.offsetY);
  const hover = (event: MouseEvent): void => {
    const { slots, cursor } = latest.current;
    const slot = slotAt(chart, slots, event.offsetX);
    cursor.value = slot === null ? null : slots.x[slot]!;
    const marker = markerUnder(event);
    chart.over.style.cursor = marker === null ? "" : "pointer";
    chart.over.title = marker === null ? "" : t("chart.openMarker", { text: marker.text });
  };
  const leave = (): void => {
    latest.current.cursor.value = null;
  };
  const press = (event: MouseEvent): void => {
    pressedAt = event.clientX;
  };
  const pick = (event: MouseEvent): void => {
    if (event.detail !== 1 || 4 <= Math.abs(event.clientX - pressedAt)) return;
    const marker = markerUnder(event);
    const slot = slotAt(chart, latest.current.slots, event.offsetX);
    if (marker !== null) marker.open();
    else if (slot !== null) latest.current.onPick(latest.current.slots.x[slot]!);
  };
  chart.over.addEventListener("mousemove", hover);
  chart.over.addEventListener("mouseleave", leave);
  chart.over.addEventListener("mousedown", press);
  chart.over.addEventListener("click", pick);
  return () => {
    chart.over.removeEventListener("mousemove", hover);
    chart.over.removeEventListener("mouseleave", leave);
    chart.over.removeEventListener("mousedown", press);
    chart.over.removeEventListener("click", pick);
  };
}

function steer(event: TargetedKeyboardEvent<HTMLDivElement>, props: Props): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { slots, cursor, view } = props;
  const from = cursor.value === null ? null : nearestSlot(slots, cursor.value);
  const to = (slot: number | null): void => {
    if (slot !== null) cursor.value = slots.x[slot]!;
  };
  const scale = (factor: number): void => {
    const middle = cursor.value ?? (view.from + view.to) / 2;
    props.onZoom({ from: middle - (middle - view.from) * factor, to: middle + (view.to - middle) * factor });
  };
  const keys: Record<string, () => void> = {
    ArrowRight: () => to(stepSlot(slots, from, 1)),
    ArrowLeft: () => to(stepSlot(slots, from, -1)),
    ArrowUp: () => to(stepSlot(slots, from, 1)),
    ArrowDown: () => to(stepSlot(slots, from, -1)),
    PageUp: () => to(stepSlot(slots, from, 10)),
    PageDown: () => to(stepSlot(slots, from, -10)),
    Home: () => to(stepSlot(slots, null, 1)),
    End: () => to(stepSlot(slots, null, -1)),
    Escape: () => (cursor.value = null),
    "+": () => scale(0.5),
    "=": () => scale(0.5),
    "-": () => scale(2),
    "0": () => props.onReset(),
    Enter: () => {
      if (from !== null) props.onPick(slots.x[from]!);
    },
  };
  const act = keys[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
}
