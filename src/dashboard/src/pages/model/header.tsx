import type { ModelSummary } from "../../api/types";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { Link } from "../../shell/link";
import { reasonText } from "../../shell/reason";
import { StatusLight } from "../../shell/status-light";
import { Ago, Moment } from "../../shell/time";
import { language } from "../../store/preferences";
import { Description } from "./description";

const COUNTERS = ["predictions", "errors", "labelled", "pending_labels", "duplicates", "conflicts", "orphans", "late", "too_late", "expired"] as const;

export function ModelHeader({ model }: { model: ModelSummary }) {
  return (
    <header class="model-head">
      <nav aria-label={t("app.overview")}>
        <Link href="/" class="back">
          ← {t("model.back")}
        </Link>
      </nav>
      <div class="title-row">
        <h1>{model.name}</h1>
        <StatusLight status={model.status} />
        {model.stale ? (
          <span class="tag" title={t("value.staleTitle")}>
            {t("status.stale")}
          </span>
        ) : null}
      </div>
      <Description model={model} />
      {model.reasons.length === 0 ? null : (
        <ul class="reasons" aria-label={t("model.reasons")}>
          {model.reasons.map((reason) => (
            <li key={`${reason.code} ${reason.metric}`}>{reasonText(reason)}</li>
          ))}
        </ul>
      )}
      <dl class="facts">
        <div>
          <dt>{t("column.updated")}</dt>
          <dd>{model.last_prediction_at === null ? "–" : <Ago at={model.last_prediction_at} />}</dd>
        </div>
        <div>
          <dt>{t("model.watermark")}</dt>
          <dd>{model.watermark === null ? "–" : <Moment at={model.watermark} />}</dd>
        </div>
        <div>
          <dt>{t("model.task")}</dt>
          <dd>{t(`task.${model.task}`)}</dd>
        </div>
      </dl>
      <details class="counters">
        <summary>{t("model.counters")}</summary>
        <dl class="facts">
          {COUNTERS.map((counter) => (
            <div key={counter}>
              <dt>{t(`counter.${counter}`)}</dt>
              <dd title={String(model[counter])}>{count(language.value, model[counter])}</dd>
            </div>
          ))}
        </dl>
      </details>
    </header>
  );
}
