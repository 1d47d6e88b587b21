/** Jobs of retraining: those that run with their stages, and those that have ended. */

import { useState } from "preact/hooks";
import { cancelPath, STAGES, type RetrainJob } from "../../api/retraining";
import { api } from "../../api/session";
import { duration } from "../../format/number";
import { t } from "../../i18n";
import { retrainingAddress } from "../../route/route";
import { Confirm } from "../../shell/confirm";
import { failureText } from "../../shell/failure";
import { Link } from "../../shell/link";
import { Ago } from "../../shell/time";
import { Scroller } from "../../shell/scroller";
import { language } from "../../store/preferences";
import { role } from "../../store/session";

const reasons = (job: RetrainJob): string => job.reasons.map((reason) => t(`retrain.reason.${reason}`)).join(", ");

export function OpenJobs({ jobs }: { jobs: readonly RetrainJob[] }) {
  if (jobs.length === 0) return <p class="notice quiet">{t("retrain.idle")}</p>;
  return (
    <ul class="open-jobs">
      {jobs.map((job) => (
        <li key={job.job_id} class="card open-job">
          <div class="title-row">
            <Link href={retrainingAddress(job.model)}>{job.model}</Link>
            <span class="quiet">{reasons(job)}</span>
            <span class="quiet">{job.algorithm}</span>
            {1 < job.attempt ? <span class="quiet">{t("retrain.attempt", { n: job.attempt })}</span> : null}
            <Cancel job={job} />
          </div>
          {job.state === "queued" ? <p class="quiet">{t("retrain.waits")}</p> : <Course job={job} />}
        </li>
      ))}
    </ul>
  );
}

function Course({ job }: { job: RetrainJob }) {
  const n = Math.round(job.progress);
  return (
    <>
      <ol class="stages">
        {STAGES.map((stage) => (
          <li key={stage} class={stage === job.stage ? "current" : ""} aria-current={stage === job.stage ? "step" : undefined}>
            {t(`retrain.stage.${stage}`)}
          </li>
        ))}
      </ol>
      <progress max={100} value={job.progress} aria-label={t("retrain.progress", { model: job.model, n })} />
      <p class="quiet">
        {n}%{job.estimated_time === null ? "" : ` · ${t("retrain.left", { n: job.estimated_time })}`}
      </p>
    </>
  );
}

/** For operators and admins. */
function Cancel({ job }: { job: RetrainJob }) {
  const [course, setCourse] = useState<"idle" | "asking" | { failed: string }>("idle");
  if (role.value === "viewer" || role.value === null) return null;
  const cancel = (): void => {
    setCourse("idle");
    void api
      .peek()
      ?.post(cancelPath(job.job_id))
      .catch((error: unknown) => setCourse({ failed: failureText(error) }));
  };
  return (
    <>
      <button type="button" onClick={() => setCourse("asking")}>
        {t("retrain.cancel")}
        <span class="visually-hidden"> {job.model}</span>
      </button>
      {typeof course === "object" ? (
        <span class="problem" role="alert">
          {course.failed}
        </span>
      ) : null}
      {course === "asking" ? (
        <Confirm title={t("retrain.cancelTitle", { model: job.model })} action={t("retrain.cancelDo")} onConfirm={cancel} onCancel={() => setCourse("idle")}>
          <p>{t("retrain.cancelNote")}</p>
        </Confirm>
      ) : null}
    </>
  );
}

export function EndedJobs({ jobs, withModel }: { jobs: readonly RetrainJob[]; withModel: boolean }) {
  if (jobs.length === 0) return <p class="notice quiet">{t("retrain.nothingEnded")}</p>;
  return (
    <Scroller label={t("retrain.history")} class="card">
      <table class="jobs-table">
        <thead>
          <tr>
            {withModel ? <th scope="col">{t("retrain.model")}</th> : null}
            <th scope="col">{t("retrain.state")}</th>
            <th scope="col">{t("retrain.why")}</th>
            <th scope="col">{t("retrain.became")}</th>
            <th scope="col">{t("retrain.took")}</th>
            <th scope="col">{t("retrain.ended")}</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={job.job_id}>
              {withModel ? (
                <th scope="row">
                  <Link href={retrainingAddress(job.model)}>{job.model}</Link>
                </th>
              ) : null}
              <td>
                <span class={`retrain-state ${job.state}`}>{t(`retrain.state.${job.state}`)}</span>
              </td>
              <td>{reasons(job)}</td>
              <td>
                {[job.version === null ? null : t("retrain.version", { version: job.version }), job.error?.detail ?? null].filter((part) => part !== null).join(": ")}
              </td>
              <td>{took(job)}</td>
              <td>{job.finished_at === null ? null : <Ago at={job.finished_at} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

function took({ started_at, finished_at }: RetrainJob): string {
  const seconds = started_at === null || finished_at === null ? null : (Date.parse(finished_at) - Date.parse(started_at)) / 1_000;
  return duration(language.value, seconds);
}
