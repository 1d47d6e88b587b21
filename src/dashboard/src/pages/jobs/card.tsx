/** One job: what it is, how it ended, and what it has cost. Shown on a page of its own and in a dialog. */

import { useEffect } from "preact/hooks";
import { jobPath, type Job, type JobDetail, type JobState } from "../../api/jobs";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { batchAddress, hostAddress, JOBS, modelAddress, retrainingAddress } from "../../route/route";
import { Link } from "../../shell/link";
import { Moment } from "../../shell/time";
import { useConnection } from "../../shell/use-connection";
import { usePolled } from "../../shell/use-polled";
import { language } from "../../store/preferences";
import { Figures, percentage } from "./figures";

const EVERY_MS = 2_000;

export function JobPage({ job }: { job: string }) {
  useConnection(`job ${job}`, () => []);
  const { held, failed } = usePolled<JobDetail>(jobPath(job), EVERY_MS);
  useEffect(() => {
    document.title = `${job} · Tidewatch`;
  }, [job]);
  return (
    <div class="page jobs">
      <nav aria-label={t("nav.jobs")}>
        <Link href={JOBS} class="back">
          ← {t("nav.jobs")}
        </Link>
      </nav>
      <h1>{job}</h1>
      {failed === null ? null : (
        <p class="problem" role="alert">
          {failed}
        </p>
      )}
      {held === null ? failed === null ? <p class="notice quiet">{t("jobs.loading")}</p> : null : <JobCard job={held} />}
    </div>
  );
}

export function State({ job }: { job: Job }) {
  return (
    <span class={`job-state ${job.state.toLowerCase()}`}>
      {stateName(job.state)}
      {job.silent ? ` (${t("jobs.silent")})` : ""}
      {job.progress === null || job.state !== "RUNNING" ? "" : ` ${percentage(100 * job.progress)}`}
    </span>
  );
}

export const stateName = (state: JobState): string => t(`jobs.state.${state}`);

/** Lines of the log of a retraining; none of a run, whose result is whatever it has written. */
function linesOf(job: Job): { at: string; message: string }[] {
  if (job.kind !== "retraining") return [];
  const log = (job.result as { log?: unknown } | null)?.log;
  return Array.isArray(log) ? (log as { at: string; message: string }[]) : [];
}

/** What a retraining has read and tried, where that is known. */
function retrainingFacts(job: Job | JobDetail): [string, preact.ComponentChildren][] {
  const { data, trials } = ("retraining" in job ? job.retraining : null) ?? { data: null, trials: null };
  const facts: [string, preact.ComponentChildren][] = [];
  if (job.kind === "retraining" && job.model !== null) facts.push([t("nav.retraining"), <Link href={retrainingAddress(job.model)}>{t("jobs.toRetraining")}</Link>]);
  if (data !== null) facts.push([t("jobs.data"), t("jobs.rows", { n: count(language.value, data.rows), holdout: count(language.value, data.holdout_rows) })]);
  if (data !== null && 0 < data.warnings.length) facts.push([t("jobs.warnings"), data.warnings.join("; ")]);
  if (trials !== null) facts.push([t("jobs.trials"), count(language.value, trials)]);
  return facts;
}

export function JobCard({ job }: { job: Job | JobDetail }) {
  const lines = linesOf(job);
  const facts: [string, preact.ComponentChildren][] = [
    [t("jobs.state"), <State job={job} />],
    [t("jobs.kind"), t(`jobs.kind.${job.kind}`)],
    [t("jobs.host"), <Link href={hostAddress(job.source)}>{job.source}</Link>],
  ];
  if (job.batch_id !== null) facts.push([t("jobs.batch"), <Link href={batchAddress(job.batch_id)}>{job.batch_id}</Link>]);
  if (job.model !== null) facts.push([t("jobs.model"), <Link href={modelAddress(job.model)}>{[job.model, job.model_version].filter((each) => each !== null).join(" ")}</Link>]);
  if (job.command !== null) facts.push([t("jobs.command"), <code>{job.command}</code>]);
  if (job.began_at !== null) facts.push([t("jobs.began"), <Moment at={job.began_at} />]);
  if (job.ended_at !== null) facts.push([t("jobs.ended"), <Moment at={job.ended_at} />]);
  if (job.exit_code !== null) facts.push([t("jobs.exit"), String(job.exit_code)]);
  if (1 < job.attempt) facts.push([t("jobs.attempt"), String(job.attempt)]);
  if (0 < job.left_running) facts.push([t("jobs.left"), String(job.left_running)]);
  if (job.error !== null) facts.push([t("jobs.error"), <span class="problem">{job.error}</span>]);
  facts.push(...retrainingFacts(job));
  if (0 < lines.length) {
    const log = lines.map((line) => (
      <li key={line.at + line.message}>
        <Moment at={line.at} /> {line.message}
      </li>
    ));
    facts.push([t("jobs.log"), <ol>{log}</ol>]);
  } else if (job.result !== null) facts.push([t("jobs.result"), <pre>{typeof job.result === "string" ? job.result : JSON.stringify(job.result, null, 2)}</pre>]);
  for (const [name, version] of Object.entries(job.versions ?? {})) facts.push([t("jobs.version", { name }), String(version)]);
  return (
    <section class="card job-card" aria-label={job.id}>
      {job.performance === null ? <p class="quiet">{t("jobs.noFigures")}</p> : <Figures of={job.performance} />}
      {job.memory_source === null ? null : <p class="quiet">{t(job.memory_source === "pss" ? "jobs.pss" : "jobs.rss")}</p>}
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
