/** A threshold to set: metric, side, value and margin; of a named sample its source, unit and target. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren, TargetedEvent } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Suggestion, Threshold } from "../../../api/thresholds";
import type { ModelSummary } from "../../../api/types";
import { figureText } from "../../../format/metric";
import { metricName, t, type Key } from "../../../i18n";
import { difference } from "../../../shell/reason";
import { language } from "../../../store/preferences";
import { metricsOf } from "../words";
import { changeOf, draftOf, EMPTY, isSample, SAMPLE, type Draft } from "./draft";
import type { Changing } from ".";

/** Figures that every model has beside those of its windows. */
const OF_SERVICE = ["error_rate", "response_time", "p50", "p95", "p99", "coverage", "drift"] as const;

interface Props {
  model: ModelSummary;
  /** The threshold that is changed, or the metric of a new one, empty where it is not chosen yet. */
  of: Threshold | string;
  suggested: readonly Suggestion[];
  changing: Changing;
  onClose: () => void;
}

export function Editor({ model, of, suggested, changing, onClose }: Props) {
  const before = typeof of === "string" ? null : of;
  const draft = useSignal<Draft>(typeof of === "string" ? { ...EMPTY, metric: of } : draftOf(of));
  const sending = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => form.current?.querySelector<HTMLElement>(typeof of === "string" && of === "" ? "[name=metric]" : "[name=value]")?.focus(), []);
  const edit = (edits: Partial<Draft>): void => void (draft.value = { ...draft.value, ...edits });
  const { metric, direction, value, margin, source, unit, target } = draft.value;
  const change = changeOf(draft.value);
  const offer = suggested.find((each) => each.metric === metric.trim());
  const submit = async (event: TargetedEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (change === null || sending.value) return;
    sending.value = true;
    const isDone = await changing.set([change]);
    // another side of the same metric is another threshold: the one that was changed goes
    if (isDone && before !== null && change.direction !== undefined && change.direction !== before.direction) await changing.remove(before);
    sending.value = false;
    if (isDone) onClose();
  };
  return (
    <form class="card threshold-form" ref={form} aria-labelledby="threshold-title" onSubmit={(event) => void submit(event)}>
      <h2 id="threshold-title">{t(before === null ? "thresholds.add" : "thresholds.editOf", { name: metricName(before?.metric ?? "") })}</h2>
      <div class="threshold-fields">
        <Field name="metric" label="details.metric" note={metric.trim() === "" ? t("thresholds.metricNote") : metricName(metric.trim())}>
          <input
            id="threshold-metric"
            name="metric"
            aria-describedby="threshold-metric-note"
            list="threshold-metrics"
            required
            autocomplete="off"
            readOnly={before !== null}
            value={metric}
            onInput={(event) => edit({ metric: event.currentTarget.value })}
          />
        </Field>
        <datalist id="threshold-metrics">
          {[...metricsOf(model.task), ...OF_SERVICE].map((each) => (
            <option key={each} value={each}>
              {metricName(each)}
            </option>
          ))}
          <option value={SAMPLE}>{t("thresholds.sample")}</option>
        </datalist>
        <Field name="direction" label="thresholds.side" note={null}>
          <select id="threshold-direction" name="direction" value={direction} onChange={(event) => edit({ direction: event.currentTarget.value as Draft["direction"] })}>
            <option value="">{t("thresholds.usual")}</option>
            <option value="below">{t("thresholds.floor")}</option>
            <option value="above">{t("thresholds.ceiling")}</option>
          </select>
        </Field>
        <Field name="value" label="chart.threshold" note={shown(metric, value, unit)}>
          <input id="threshold-value" name="value" aria-describedby="threshold-value-note" type="number" step="any" required value={value} onInput={(event) => edit({ value: event.currentTarget.value })} />
          {offer === undefined ? null : (
            <button type="button" onClick={() => edit({ value: String(offer.value), direction: offer.direction })}>
              {t("thresholds.useSuggested", { value: figureText(language.value, offer.metric, offer.value) })}
            </button>
          )}
        </Field>
        <Field name="margin" label="thresholds.margin" note={margin.trim() === "" ? t("thresholds.marginNote") : shown(metric, margin, unit, difference)}>
          <input id="threshold-margin" name="margin" aria-describedby="threshold-margin-note" type="number" step="any" min={0} value={margin} onInput={(event) => edit({ margin: event.currentTarget.value })} />
        </Field>
        {isSample(metric) ? (
          <>
            <Field name="source" label="thresholds.source" note={t("thresholds.sourceNote")}>
              <input id="threshold-source" name="source" aria-describedby="threshold-source-note" required value={source} onInput={(event) => edit({ source: event.currentTarget.value })} />
            </Field>
            <Field name="unit" label="thresholds.unit" note={null}>
              <input id="threshold-unit" name="unit" aria-describedby="threshold-unit-note" value={unit} onInput={(event) => edit({ unit: event.currentTarget.value })} />
            </Field>
            <Field name="target" label="thresholds.targetLabel" note={t("thresholds.targetNote")}>
              <input id="threshold-target" name="target" aria-describedby="threshold-target-note" type="number" step="any" value={target} onInput={(event) => edit({ target: event.currentTarget.value })} />
            </Field>
          </>
        ) : null}
      </div>
      <p class="actions">
        <button type="submit" class="primary" aria-disabled={change === null || sending.value}>
          {t("thresholds.save")}
        </button>
        <button type="button" onClick={onClose}>
          {t("confirm.cancel")}
        </button>
      </p>
    </form>
  );
}

/** What a figure that is being written means: `0.8` of a share is 80 %. */
function shown(metric: string, text: string, unit: string, as = figureText): string | null {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value) || metric.trim() === "") return null;
  return `= ${as(language.value, metric.trim(), value)}${unit === "" ? "" : ` ${unit}`}`;
}

/** A field by its name, with what there is to know about it. */
function Field({ name, label, note, children }: { name: string; label: Key; note: string | null; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={`threshold-${name}`}>{t(label)}</label>
      {children}
      <small id={`threshold-${name}-note`}>{note}</small>
    </div>
  );
}
