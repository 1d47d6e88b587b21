/** Range, what is shown, and as what. */

import { useSignal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import { duration } from "../../format/number";
import { localField } from "../../format/time";
import { RANGE_NAMES } from "../../charts/resolution";
import { t } from "../../i18n";
import { setQuery } from "../../route/route";
import { now } from "../../store/clock";
import { language } from "../../store/preferences";
import { asTable, focus, range, resetZoom, showCustom, showFocus, shownAt, showRange, zoom } from "./view";

export function Controls() {
  const chosen = range.value;
  const shown = shownAt(chosen, zoom.value, now.value.getTime() / 1000);
  const opened = useSignal(chosen.kind === "custom");
  return (
    <section class="controls" aria-label={t("range.label")}>
      <div class="segmented" role="group" aria-label={t("range.label")}>
        {RANGE_NAMES.map((name) => (
          <button
            type="button"
            key={name}
            aria-pressed={chosen.kind === "named" && chosen.name === name}
            onClick={() => {
              opened.value = false;
              showRange(name);
            }}
          >
            {t(`range.${name}`)}
          </button>
        ))}
        <button
          type="button"
          aria-pressed={chosen.kind === "custom"}
          aria-expanded={opened.value}
          onClick={() => (opened.value = !opened.value)}
        >
          {t("range.custom")}
        </button>
      </div>
      <span class="quiet" data-testid="resolution">
        {t("range.resolution", { width: duration(language.value, shown.resolution) })}
      </span>
      {zoom.value === null ? null : (
        <button type="button" onClick={resetZoom}>
          {t("range.resetZoom")}
        </button>
      )}
      <FocusTag />
      <div class="segmented end" role="group" aria-label={t("view.label")}>
        <button type="button" aria-pressed={!asTable.value} onClick={() => setQuery({ view: null })}>
          {t("view.charts")}
        </button>
        <button type="button" aria-pressed={asTable.value} onClick={() => setQuery({ view: "table" })}>
          {t("view.table")}
        </button>
      </div>
      {opened.value ? <CustomRange from={shown.from} to={shown.to} /> : null}
    </section>
  );
}

function FocusTag() {
  const { version, segment } = focus.value;
  if (version === null && segment === null) return null;
  return (
    <button type="button" class="focus" aria-label={t("filter.clear")} onClick={() => showFocus({ version: null, segment: null })}>
      {version === null ? t("filter.segment", { name: segment ?? "" }) : t("filter.version", { name: version })}
      <span aria-hidden="true"> ×</span>
    </button>
  );
}

function CustomRange({ from, to }: { from: number; to: number }) {
  const invalid = useSignal(false);
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const [start, end] = ["from", "to"].map((name) => Date.parse(String(fields.get(name))) / 1000) as [number, number];
    invalid.value = !(start < end);
    if (!invalid.value) showCustom({ from: start, to: end });
  };
  return (
    <form class="custom-range" onSubmit={submit}>
      <label>
        {t("range.from")}
        <input type="datetime-local" name="from" required defaultValue={localField(from)} />
      </label>
      <label>
        {t("range.to")}
        <input type="datetime-local" name="to" required defaultValue={localField(to)} />
      </label>
      <button type="submit" class="primary">
        {t("range.apply")}
      </button>
      <p class="problem" role="alert">
        {invalid.value ? t("range.invalid") : ""}
      </p>
    </form>
  );
}
