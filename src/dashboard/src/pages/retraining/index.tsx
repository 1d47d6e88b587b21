/** Retraining of all models: what is trained now, what has been, and the policy. */

import { useEffect, useState } from "preact/hooks";
import type { TargetedEvent } from "preact";
import { MANUAL_PATH, POLICY_PATH, retrainJobsPath, type JobState, type Policy, type RetrainJobPage } from "../../api/retraining";
import { api } from "../../api/session";
import { t } from "../../i18n";
import { query, setQuery } from "../../route/route";
import { failureText } from "../../shell/failure";
import { useConnection } from "../../shell/use-connection";
import { usePolled } from "../../shell/use-polled";
import { language } from "../../store/preferences";
import { role } from "../../store/session";
import { EndedJobs, OpenJobs } from "./jobs";
import { PolicyCard } from "./policy";

const EVERY_MS = 2_000;
const POLICY_EVERY_MS = 15_000;

export function RetrainingPage() {
  useConnection("retraining", () => []);
  const cursor = query.value.get("cursor") ?? "";
  const open = usePolled<RetrainJobPage>(retrainJobsPath({ state: "open" }), EVERY_MS);
  const ended = usePolled<RetrainJobPage>(retrainJobsPath({ state: "ended", limit: "20", ...(cursor === "" ? {} : { cursor }) }), EVERY_MS);
  const policy = usePolled<Policy>(POLICY_PATH, POLICY_EVERY_MS);
  useEffect(() => {
    document.title = `${t("nav.retraining")} · Tidewatch`;
  }, [language.value]);
  const failed = open.failed ?? ended.failed ?? policy.failed;
  return (
    <div class="page retraining">
      <div class="title-row">
        <h1>{t("nav.retraining")}</h1>
        <p class="quiet">{t("retrain.explained")}</p>
      </div>
      {failed === null ? null : (
        <p class="problem" role="alert">
          {failed}
        </p>
      )}
      <section>
        <h2>{t("retrain.queue")}</h2>
        {open.held === null ? <p class="notice quiet">{t("retrain.loading")}</p> : <OpenJobs jobs={open.held.items} />}
        <Now />
      </section>
      <section>
        <h2>{t("retrain.history")}</h2>
        {ended.held === null ? <p class="notice quiet">{t("retrain.loading")}</p> : <EndedJobs jobs={ended.held.items} withModel />}
        <p class="actions">
          {cursor === "" ? null : (
            <button type="button" onClick={() => setQuery({ cursor: null })}>
              {t("retrain.newest")}
            </button>
          )}
          {ended.held?.next == null ? null : (
            <button type="button" onClick={() => setQuery({ cursor: ended.held!.next })}>
              {t("retrain.older")}
            </button>
          )}
        </p>
      </section>
      {policy.held === null ? null : <PolicyCard key={JSON.stringify(policy.held)} policy={policy.held} />}
    </div>
  );
}

/** Asks for a job by hand; for operators and admins. */
function Now() {
  const [name, setName] = useState("");
  const [told, setTold] = useState<{ text: string; bad: boolean } | null>(null);
  if (role.value === "viewer" || role.value === null) return null;
  const ask = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void api
      .peek()
      ?.post<{ job_id: string; state: JobState | "already_queued" }>(MANUAL_PATH, { model_name: name.trim() })
      .then(({ body }) => setTold({ text: t("retrain.started", { job: body.job_id, state: t(`retrain.state.${body.state}`) }), bad: false }))
      .catch((error: unknown) => setTold({ text: failureText(error), bad: true }));
  };
  return (
    <form class="retrain-now" aria-label={t("retrain.now")} onSubmit={ask}>
      <input
        required
        autocomplete="off"
        placeholder={t("retrain.nowName")}
        aria-label={t("retrain.nowName")}
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <button type="submit">{t("retrain.start")}</button>
      <span role="status" class={told?.bad === true ? "problem" : "quiet"}>
        {told?.text ?? ""}
      </span>
    </form>
  );
}
