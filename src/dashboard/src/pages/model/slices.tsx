/** The range that is shown by version or by segment; a row picks what the charts show. */

import type { ModelSummary, Slice } from "../../api/types";
import { slicesPath } from "../../api/paths";
import { count, duration, MISSING, percent } from "../../format/number";
import { t } from "../../i18n";
import { Scroller } from "../../shell/scroller";
import { estimateText } from "../../shell/estimate";
import { Span } from "../../shell/time";
import { language } from "../../store/preferences";
import { FairnessCards } from "./fairness";
import { usePulse, useReading } from "./reading";
import { focus, showFocus, shown } from "./view";
import { accuracyName } from "./words";

const REREAD_MS = 5_000;

export function Versions({ model }: { model: ModelSummary }) {
  const versions = useSlices(model, "versions");
  return (
    <SliceTable
      model={model}
      title={t("slices.versions")}
      column={t("slices.version")}
      rows={versions.map((slice) => ({ key: slice.version ?? "", slice }))}
      picked={focus.value.version}
      onPick={(key) => showFocus({ version: key, segment: null })}
    />
  );
}

export function Segments({ model }: { model: ModelSummary }) {
  const segments = useSlices(model, "segments");
  return (
    <div class="tab-body">
      <p class="quiet">{t("segments.lead")}</p>
      <SliceTable
        model={model}
        title={t("slices.segments")}
        column={t("slices.segment")}
        rows={segments.map((slice) => ({ key: segmentKey(slice), slice }))}
        picked={focus.value.segment}
        onPick={(key) => showFocus({ version: null, segment: key })}
      />
      <FairnessCards model={model} />
    </div>
  );
}

/** `name:value`, as the windows are asked for. */
export const segmentKey = (slice: Slice): string => slice.segment ?? `${slice.name ?? ""}:${slice.value ?? ""}`;

interface TableProps {
  model: ModelSummary;
  title: string;
  column: string;
  rows: { key: string; slice: Slice }[];
  picked: string | null;
  onPick: (key: string | null) => void;
}

function SliceTable({ model, title, column, rows, picked, onPick }: TableProps) {
  const locale = language.value;
  const share = (value: number): string => percent(locale, value);
  return (
    <section class="card" aria-label={title}>
      <div class="section-head">
        <h2>{title}</h2>
        <p class="chart-window">
          <Span start={new Date(shown.value.from * 1000).toISOString()} end={new Date(shown.value.to * 1000).toISOString()} />
        </p>
      </div>
      {rows.length === 0 ? (
        <p class="quiet">{t("slices.none")}</p>
      ) : (
        <Scroller label={title}>
          <table class="data">
            <thead>
              <tr>
                <th scope="col">{column}</th>
                <th scope="col">{accuracyName(model.task)}</th>
                <th scope="col">{t("column.errorRate")}</th>
                <th scope="col">p95</th>
                <th scope="col">{t("column.coverage")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ key, slice }) => {
                const accuracy = slice.metrics["accuracy"];
                const errors = slice.metrics["error_rate"];
                return (
                  <tr key={key} class={picked === key ? "picked" : undefined}>
                    <th scope="row">
                      <button
                        type="button"
                        class="pick"
                        aria-pressed={picked === key}
                        title={t(picked === key ? "slices.picked" : "slices.pick", { name: key })}
                        onClick={() => onPick(picked === key ? null : key)}
                      >
                        {key === "" ? MISSING : key}
                      </button>
                      {slice.state ? <small> {t(`slices.state.${slice.state}`)}</small> : null}
                    </th>
                    <td>
                      {!accuracy || accuracy.value === null ? (
                        <span class="missing">{t("value.noLabels")}</span>
                      ) : (
                        <>
                          {share(accuracy.value)} <small>{estimateText("accuracy", accuracy)}</small>
                        </>
                      )}
                    </td>
                    <td>
                      {percent(locale, errors?.value)} <small>{t("value.n", { n: count(locale, slice.predictions) })}</small>
                    </td>
                    <td>{duration(locale, slice.latency?.p95)}</td>
                    <td>{percent(locale, slice.coverage)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Scroller>
      )}
    </section>
  );
}

function useSlices(model: ModelSummary, kind: "versions" | "segments"): Slice[] {
  const pulse = usePulse(model.changed_seq, REREAD_MS);
  const { from, to } = shown.value;
  return useReading<{ items: Slice[] }>(slicesPath(model.name, kind, { from, to }), pulse).body?.items ?? [];
}
