/** Which version, which segment, what it is compared with, and how wide the windows of the heatmap are. */

import type { DriftReport } from "../../../api/drift";
import type { ModelSummary } from "../../../api/types";
import { duration } from "../../../format/number";
import { t } from "../../../i18n";
import { setQuery } from "../../../route/route";
import { language } from "../../../store/preferences";
import { against, AGAINST, DRIFT_WIDTHS, driftWidth, focus, holdAgainst, showFocus, tab } from "../view";
import { sideName } from "./words";

export function DriftControls({ model, report }: { model: ModelSummary; report: DriftReport }) {
  const { version, segment } = focus.value;
  const segments = Object.entries(model.segments).flatMap(([name, values]) => values.map((value) => `${name}:${value}`));
  const own = report.window.seconds;
  const widths = [null, ...DRIFT_WIDTHS.filter((width) => own < width)];
  const versions = report.versions.filter((each): each is string => each !== null);
  return (
    <section class="controls" aria-label={t("filter.label")}>
      {report.versions.length < 2 && version === null ? null : (
        <label class="choice">
          {t("slices.version")}
          <select value={version ?? ""} onChange={(event) => showFocus({ version: event.currentTarget.value || null, segment: null })}>
            <option value="">{t("drift.busiestVersion")}</option>
            {versions.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
      )}
      {segments.length === 0 && segment === null ? null : (
        <label class="choice">
          {t("slices.segment")}
          <select value={segment ?? ""} onChange={(event) => showFocus({ version: null, segment: event.currentTarget.value || null })}>
            <option value="">{t("filter.everything")}</option>
            {segments.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
      )}
      {tab.value !== "drift" ? null : (
        <label class="choice">
          {t("against.label")}
          <select value={against.value} onChange={(event) => holdAgainst(AGAINST.find((each) => each === event.currentTarget.value) ?? "reference")}>
            {AGAINST.map((each) => (
              <option key={each} value={each}>
                {sideName(each)}
              </option>
            ))}
          </select>
        </label>
      )}
      <div class="choice end">
        <span id="width-label">{t("drift.width")}</span>
        <div class="segmented" role="group" aria-labelledby="width-label">
          {widths.map((width) => (
            <button
              type="button"
              key={width}
              aria-pressed={driftWidth.value === width}
              onClick={() => setQuery({ width: width === null ? null : String(width), window: null })}
            >
              {duration(language.value, width ?? own)}
            </button>
          ))}
        </div>
      </div>
    </section>
  );
}
