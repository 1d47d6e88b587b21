import { modelPath } from "../../api/paths";
import type { ModelSummary, Status } from "../../api/types";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { jobsOf, retrainingAddress } from "../../route/route";
import { Link } from "../../shell/link";
import { reasonText } from "../../shell/reason";
import { StatusLight } from "../../shell/status-light";
import { DAY, StatusStrip, type StatusChange } from "../../shell/status-strip";
import { Ago, Moment } from "../../shell/time";
import { language } from "../../store/preferences";
import { Description } from "./description";
import { useReading } from "./reading";

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
      <Strips model={model} />
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
        <div>
          <dt>{t("nav.jobs")}</dt>
          <dd>
            <Link href={jobsOf({ model: model.name })}>{t("jobs.ofModel")}</Link>
          </dd>
        </div>
        <div>
          <dt>{t("nav.retraining")}</dt>
          <dd>
            <Link href={retrainingAddress(model.name)}>{t("retrain.ofModel")}</Link>
          </dd>
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

/** What the status has been in the last day and the last 30 days. */
function Strips({ model }: { model: ModelSummary }) {
  const pulse = Date.parse(model.status_since ?? "") || 0;
  const { body } = useReading<{ items: { from: string; status: Status }[] }>(`${modelPath(model.name)}/status/history?from=${monthAgo()}`, pulse);
  const changes: StatusChange[] = body?.items.map((spell) => ({ at: spell.from, status: spell.status })) ?? model.status_history ?? [];
  return (
    <dl class="facts strips">
      <div>
        <dt>{t("strip.day")}</dt>
        <dd>
          <StatusStrip changes={changes} span={DAY} label={t("strip.day")} />
        </dd>
      </div>
      <div>
        <dt>{t("strip.month")}</dt>
        <dd>
          <StatusStrip changes={changes} span={30 * DAY} label={t("strip.month")} />
        </dd>
      </div>
    </dl>
  );
}

/** To the day, so that the address stays the same while the page is looked at. */
const monthAgo = (): string => new Date(Math.floor(Date.now() / DAY - 31) * DAY).toISOString();
