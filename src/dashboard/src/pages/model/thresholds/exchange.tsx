/** Thresholds as a file: what one model has can be given to another. */

import { useSignal } from "@preact/signals";
import { thresholdsPath } from "../../../api/paths";
import type { ModelThresholds, ThresholdChange } from "../../../api/thresholds";
import { figureText } from "../../../format/metric";
import { metricName, t } from "../../../i18n";
import { at } from "../../../route/base";
import { language } from "../../../store/preferences";
import { thresholdsIn } from "./draft";
import type { Changing } from ".";

interface Props {
  model: string;
  thresholds: ModelThresholds;
  changing: Changing | null;
}

export function Exchange({ model, thresholds, changing }: Props) {
  return (
    <section class="card" aria-labelledby="exchange-title">
      <div class="section-head">
        <h2 id="exchange-title">{t("thresholds.exchange")}</h2>
      </div>
      <div class="pad exchange">
        {thresholds.thresholds.length === 0 ? <p class="quiet">{t("thresholds.nothingToExport")}</p> : null}
        <p>
          <a class="button" href={at(thresholdsPath(model))} download={`${model.replace(/[^\w.-]+/g, "_")}-thresholds.json`}>
            {t("thresholds.export")}
          </a>
        </p>
        {changing === null ? null : <Import changing={changing} />}
      </div>
    </section>
  );
}

/** Shows what a file holds before it is in force. */
function Import({ changing }: { changing: Changing }) {
  const held = useSignal<ThresholdChange[] | "unreadable" | null>(null);
  const replace = useSignal(false);
  const choose = async (file: File | undefined): Promise<void> => {
    held.value = file === undefined ? null : (thresholdsIn(await file.text()) ?? "unreadable");
  };
  const list = held.value;
  return (
    <>
      <label class="field">
        {t("thresholds.import")}
        <input type="file" accept=".json,application/json" onChange={(event) => void choose(event.currentTarget.files?.[0])} />
      </label>
      <p class="problem" role="alert">
        {list === "unreadable" ? t("thresholds.unreadable") : ""}
      </p>
      {list === null || list === "unreadable" ? null : (
        <>
          <ul class="imported">
            {list.map((each, place) => (
              <li key={place}>
                {metricName(each.metric)} {figureText(language.value, each.metric, each.value)}
              </li>
            ))}
          </ul>
          <label class="radio">
            <input type="checkbox" checked={replace.value} onChange={(event) => (replace.value = event.currentTarget.checked)} />
            {t("thresholds.replace")}
          </label>
          <p>
            <button type="button" class="primary" onClick={() => void changing.set(list, replace.value).then((isDone) => isDone && (held.value = null))}>
              {t("thresholds.importDo", { n: list.length })}
            </button>
          </p>
        </>
      )}
    </>
  );
}
