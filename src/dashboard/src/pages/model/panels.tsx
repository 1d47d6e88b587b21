/** The four charts of a model: what each draws and what its readout says. */

import type { Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { ModelThresholds } from "../../api/thresholds";
import type { Estimate, ModelSummary, Window } from "../../api/types";
import { Chart, type Reading } from "../../charts/chart";
import { alwaysValidOf, closedPart, columnOf, estimateOf, expectedOf, finite, throughputOf, type Slots } from "../../charts/columns";
import type { Marker } from "../../charts/markers";
import type { View } from "../../charts/plot";
import type { Token } from "../../charts/colours";
import type { Band, ChartSpec, Line } from "../../charts/spec";
import { count, decimal, interval, numberTick, duration, MISSING, percent, percentTick, perSecond } from "../../format/number";
import { isShare, metricText } from "../../format/metric";
import { t } from "../../i18n";
import { setQuery } from "../../route/route";
import { estimateText } from "../../shell/estimate";
import { now } from "../../store/clock";
import { language } from "../../store/preferences";
import { everyLook, metric } from "./view";
import { lineOf } from "./thresholds/use-thresholds";
import { metricNameFor, metricsOf } from "./words";

export interface Panel {
  model: ModelSummary;
  thresholds: ModelThresholds | null;
  slots: Slots;
  view: View;
  markers: readonly Marker[];
  cursor: Signal<number | null>;
  onZoom: (view: View) => void;
  onReset: () => void;
  onPick: (start: number) => void;
}

/** Where the values of a metric can lie. */
function limitsOf(name: string): { least: number; most: number } {
  if (isShare(name) && name !== "mape") return { least: 0, most: 1 };
  if (name === "roc_auc" || name === "pr_auc" || name === "brier" || name === "ece") return { least: 0, most: 1 };
  if (name === "mcc" || name === "cohen_kappa") return { least: -1, most: 1 };
  return name === "r2" || name === "bias" ? { least: -Infinity, most: Infinity } : { least: 0, most: Infinity };
}

/** The interval that was chosen: one that holds at every look, where there is one, else that of the window alone. */
const intervalOf = (window: Window, name: string): Estimate | null => (everyLook.value ? alwaysValidOf(window, name) : null) ?? estimateOf(window, name);

/** What the interval of a figure is of, and `n`. */
const noteOf = (window: Window, name: string, estimate: Estimate): string => {
  const chosen = intervalOf(window, name);
  const text = estimateText(name, chosen ?? estimate);
  return chosen === null || chosen === estimate || chosen.low === null ? text : t("chart.everyLookNote", { interval: text });
};

function estimateReading(window: Window, name: string, label: string): Reading {
  const locale = language.value;
  const show = (value: number): string => metricText(locale, name, value);
  const estimate = estimateOf(window, name);
  if (estimate === null || estimate.value === null) {
    const missing = name === "error_rate" ? MISSING : t("value.noLabels");
    return { name: label, colour: "series-1", value: window.labelled === 0 ? missing : MISSING };
  }
  return { name: label, colour: "series-1", value: show(estimate.value), note: noteOf(window, name, estimate) };
}

/** Columns of an estimate and of its interval. */
function estimateColumns(slots: Slots, name: string, fill: Token, of = estimateOf, interval = of): { values: Line["values"]; band: Band } {
  const read = (part: "value" | "low" | "high") => columnOf(slots, (window) => finite((part === "value" ? of : interval)(window, name)?.[part]));
  // The interval of a window that has just begun spans nearly everything and would flatten all the others; its readout has it.
  const closed = (column: Line["values"]) => closedPart(slots, column);
  return { values: read("value"), band: { low: closed(read("low")), high: closed(read("high")), fill } };
}

/** The estimate of `name` that needs no label, where any window has one. */
function expectedReading(window: Window, name: string): Reading[] {
  const expected = expectedOf(window, name);
  if (expected === null || expected.value === null) return [];
  const value = metricText(language.value, name, expected.value);
  return [{ name: t("chart.expected"), colour: "series-2", value, note: estimateText(name, expected) }];
}

export function QualityChart(panel: Panel) {
  const { slots, model, thresholds } = panel;
  const locale = language.value;
  const chosen = metric.value;
  const name = metricNameFor(model.task, chosen);
  const spec = useMemo<ChartSpec>(() => {
    const { values, band } = estimateColumns(slots, chosen, "band", estimateOf, intervalOf);
    const expected = estimateColumns(slots, chosen, "area", expectedOf);
    const isExpected = expected.values.some((value) => value !== null);
    return {
      lines: [
        { name, colour: "series-1", values },
        ...(isExpected ? [{ name: t("chart.expected"), colour: "series-2" as const, values: expected.values }] : []),
        { name: t("chart.coverage"), colour: "muted", values: columnOf(slots, (window) => window.coverage), share: true },
      ],
      bands: isExpected ? [band, expected.band] : [band],
      threshold: lineOf(thresholds, chosen, model.task === "regression"),
      show: (value) => (isShare(chosen) ? percentTick(locale, value) : decimal(locale, value, 3)),
      ...limitsOf(chosen),
    };
  }, [slots, chosen, name, locale, thresholds, everyLook.value]);
  const read = (window: Window): Reading[] => [
    estimateReading(window, chosen, name),
    ...expectedReading(window, chosen),
    {
      name: t("chart.coverage"),
      colour: "muted",
      value: percent(locale, window.coverage),
      note: t("value.ofLabels", { labelled: count(locale, window.labelled), predictions: count(locale, window.predictions) }),
    },
  ];
  const options = metricsOf(model.task).includes(chosen) ? metricsOf(model.task) : [chosen, ...metricsOf(model.task)];
  const title = (
    <select aria-label={t("chart.metric")} value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
      {options.map((each) => (
        <option key={each} value={each}>
          {metricNameFor(model.task, each)}
        </option>
      ))}
    </select>
  );
  return <Chart {...panel} name={name} title={title} spec={spec} read={read} />;
}

const choose = (name: string): void => setQuery({ metric: name === "accuracy" ? null : name });

export function ErrorChart(panel: Panel) {
  const { slots, thresholds } = panel;
  const locale = language.value;
  const spec = useMemo<ChartSpec>(() => {
    const { values, band } = estimateColumns(slots, "error_rate", "band", estimateOf, intervalOf);
    return {
      lines: [{ name: t("chart.errorRate"), colour: "series-1", values }],
      bands: [band],
      threshold: lineOf(thresholds, "error_rate", false),
      show: (value) => percentTick(locale, value),
      least: 0,
      most: 1,
    };
  }, [slots, locale, thresholds, everyLook.value]);
  return <Chart {...panel} name={t("chart.errorRate")} spec={spec} read={(window) => [estimateReading(window, "error_rate", t("chart.errorRate"))]} />;
}

const QUANTILES = [
  { part: "p50", colour: "series-1", fill: "band" },
  { part: "p95", colour: "series-2", fill: "band-2" },
  { part: "p99", colour: "series-3", fill: "band-3" },
] as const;

export function LatencyChart(panel: Panel) {
  const { slots, thresholds } = panel;
  const locale = language.value;
  const spec = useMemo<ChartSpec>(
    () => ({
      threshold: QUANTILES.map(({ part }) => lineOf(thresholds, part, false)).find((line) => line !== null) ?? null,
      lines: QUANTILES.map(({ part, colour }) => ({ name: part, colour, values: columnOf(slots, (window) => finite(window.latency?.[part])) })),
      bands: everyLook.value ? QUANTILES.map(({ part, fill }) => estimateColumns(slots, part, fill, alwaysValidOf).band) : [],
      show: (value) => duration(locale, value, true),
      zero: true,
      least: 0,
      most: Infinity,
    }),
    [slots, locale, thresholds, everyLook.value],
  );
  const read = (window: Window): Reading[] =>
    QUANTILES.map(({ part, colour }, index) => ({
      name: part,
      colour,
      value: duration(locale, window.latency?.[part]),
      ...latencyNote(window, part, index === QUANTILES.length - 1),
    }));
  return <Chart {...panel} name={t("chart.latency")} spec={spec} read={read} />;
}

/** The interval of a quantile, if it was asked for; `n` once, for all of them. */
function latencyNote(window: Window, part: string, isLast: boolean): { note?: string } {
  const locale = language.value;
  const sure = everyLook.value ? alwaysValidOf(window, part) : null;
  const text = [
    ...(sure === null || sure.low === null || sure.high === null ? [] : [t("chart.everyLookNote", { interval: interval(sure.low, sure.high, (value) => duration(locale, value)) })]),
    ...(isLast && window.latency ? [t("value.n", { n: count(locale, window.latency.n) })] : []),
  ].join(" · ");
  return text === "" ? {} : { note: text };
}

export function ThroughputChart(panel: Panel) {
  const { slots } = panel;
  const locale = language.value;
  const unit = { second: t("unit.second"), minute: t("unit.minute") };
  const at = now.value.getTime() / 1000;
  const spec = useMemo<ChartSpec>(
    () => ({
      lines: [{ name: t("chart.throughput"), colour: "series-1", values: columnOf(slots, (window) => throughputOf(window, at)) }],
      show: (value) => `${numberTick(locale, value)}${unit.second}`,
      zero: true,
      least: 0,
      most: Infinity,
    }),
    [slots, locale, at],
  );
  const read = (window: Window): Reading[] => [
    {
      name: t("chart.throughput"),
      colour: "series-1",
      value: perSecond(locale, throughputOf(window, at), unit),
      note: t("value.n", { n: count(locale, window.predictions) }),
    },
  ];
  return <Chart {...panel} name={t("chart.throughput")} spec={spec} read={read} />;
}
