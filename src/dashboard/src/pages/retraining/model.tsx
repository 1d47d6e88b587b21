/** Retraining of one model: who serves, who would like to and with what evidence, every version, and what was decided. */

import { useEffect, useState } from "preact/hooks";
import { comparisonPath, decidePath, retrainJobsPath, trainedPath, type Comparison, type Decision, type RetrainJobPage, type TrainedVersion } from "../../api/retraining";
import { api } from "../../api/session";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { modelAddress, RETRAINING } from "../../route/route";
import { failureText } from "../../shell/failure";
import { Link } from "../../shell/link";
import { Moment } from "../../shell/time";
import { useConnection } from "../../shell/use-connection";
import { usePolled } from "../../shell/use-polled";
import { language } from "../../store/preferences";
import { role } from "../../store/session";
import { Challenger, EvidenceBar } from "./comparison";
import { EndedJobs, OpenJobs } from "./jobs";
import { Versions } from "./versions";

const EVERY_MS = 2_000;

export function RetrainedModelPage({ model }: { model: string }) {
  useConnection(`retraining of ${model}`, () => []);
  const compared = usePolled<Comparison>(comparisonPath(model), EVERY_MS);
  const versions = usePolled<{ trained: TrainedVersion[] }>(trainedPath(model), EVERY_MS);
  const jobs = usePolled<RetrainJobPage>(retrainJobsPath({ model, limit: "20" }), EVERY_MS);
  useEffect(() => {
    document.title = `${t("retrain.of", { model })} · Tidewatch`;
  }, [model, language.value]);
  const failed = compared.failed ?? versions.failed ?? jobs.failed;
  const { held } = compared;
  return (
    <div class="page retraining">
      <nav aria-label={t("nav.retraining")}>
        <Link href={RETRAINING} class="back">
          ← {t("nav.retraining")}
        </Link>
      </nav>
      <div class="title-row">
        <h1>{t("retrain.of", { model })}</h1>
        <Link href={modelAddress(model)}>{t("retrain.toModel")}</Link>
      </div>
      {failed === null ? null : (
        <p class="problem" role="alert">
          {failed}
        </p>
      )}
      {held === null ? (
        failed === null ? (
          <p class="notice quiet">{t("retrain.loading")}</p>
        ) : null
      ) : (
        <>
          <Serving of={held} />
          <section>
            <h2>{t("retrain.challengers")}</h2>
            {held.challengers.length === 0 ? <p class="notice quiet">{t("retrain.noChallenger")}</p> : null}
            {held.challengers.map((version) => (
              <Challenger key={version.version} version={version} />
            ))}
          </section>
          <Versions model={model} versions={versions.held?.trained ?? []} />
          <Decisions of={held.decisions} />
        </>
      )}
      {jobs.held === null ? null : <Jobs of={jobs.held} />}
    </div>
  );
}

function Serving({ of }: { of: Comparison }) {
  return (
    <section class="card serving" aria-label={t("retrain.serves")}>
      <dl class="facts">
        <div>
          <dt>{t("retrain.serves")}</dt>
          <dd>
            {of.champion ?? t("retrain.elsewhere")} {of.pinned ? <small>{t("retrain.pinned")}</small> : null}
          </dd>
        </div>
        {of.watch === null ? null : (
          <div>
            <dt>{t("retrain.watch")}</dt>
            <dd>
              <Moment at={of.watch.since} />
            </dd>
          </div>
        )}
        {of.cool_until === null ? null : (
          <div>
            <dt>{t("retrain.cools")}</dt>
            <dd>
              <Moment at={of.cool_until} />
            </dd>
          </div>
        )}
        {of.passed_over === 0 ? null : (
          <div>
            <dt>{t("retrain.passedOver")}</dt>
            <dd>{count(language.value, of.passed_over)}</dd>
          </div>
        )}
      </dl>
      {of.watch?.previous == null ? null : <EvidenceBar label={t("retrain.evidenceBack", { version: of.watch.previous })} evidence={of.watch.evidence} />}
      {of.champion === null ? null : <Pin of={of} />}
    </section>
  );
}

/** For operators and admins. */
function Pin({ of }: { of: Comparison }) {
  const [failed, setFailed] = useState<string | null>(null);
  if (role.value === "viewer" || role.value === null) return null;
  const pin = (): void => {
    void api
      .peek()
      ?.post(decidePath(of.model, "pin"), { pinned: !of.pinned })
      .then(() => setFailed(null))
      .catch((error: unknown) => setFailed(failureText(error)));
  };
  return (
    <p class="actions">
      <button type="button" onClick={pin}>
        {t(of.pinned ? "retrain.unpin" : "retrain.pin")}
      </button>
      {failed === null ? null : (
        <span class="problem" role="alert">
          {failed}
        </span>
      )}
    </p>
  );
}

function Decisions({ of }: { of: readonly Decision[] }) {
  return (
    <section>
      <h2>{t("retrain.decisions")}</h2>
      {of.length === 0 ? <p class="notice quiet">{t("retrain.noDecision")}</p> : null}
      <ol class="decisions">
        {of.map((decision, place) => (
          <li key={`${decision.at} ${place}`}>
            <Moment at={decision.at} /> <b>{t(`retrain.decision.${decision.decision}`)}</b> {[decision.from, decision.to].filter((version) => version !== null).join(" → ")}{" "}
            <span class="quiet">
              {decision.by === null ? t("retrain.byEvidence") : t("retrain.by", { name: decision.by })}: {decision.why}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Jobs({ of }: { of: RetrainJobPage }) {
  const isOpen = ({ state }: { state: string }): boolean => state === "queued" || state === "running";
  const open = of.items.filter(isOpen);
  return (
    <section>
      <h2>{t("nav.jobs")}</h2>
      {open.length === 0 ? null : <OpenJobs jobs={open} />}
      <EndedJobs jobs={of.items.filter((job) => !isOpen(job))} withModel={false} />
    </section>
  );
}
