/** A batch: its jobs as a table, and a dialog of what they have cost together. */

import { useEffect, useState } from "preact/hooks";
import { batchPath, type Batch } from "../../api/jobs";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { jobAddress, JOBS, query, setQuery } from "../../route/route";
import { Dialog } from "../../shell/dialog";
import { Link } from "../../shell/link";
import { useConnection } from "../../shell/use-connection";
import { usePolled } from "../../shell/use-polled";
import { language } from "../../store/preferences";
import { megabytes, percentage, seconds } from "./figures";
import { JobTable } from "./table";

const EVERY_MS = 2_000;
const LIMIT = "100";

export function BatchPage({ batch }: { batch: string }) {
  useConnection(`batch ${batch}`, () => []);
  const cursor = query.value.get("cursor") ?? "";
  const { held, failed } = usePolled<Batch>(batchPath(batch, { cursor, limit: LIMIT }), EVERY_MS);
  const [opened, open] = useState(false);
  useEffect(() => {
    document.title = `${batch} · Tidewatch`;
  }, [batch]);
  return (
    <div class="page jobs">
      <nav aria-label={t("nav.jobs")}>
        <Link href={JOBS} class="back">
          ← {t("nav.jobs")}
        </Link>
      </nav>
      <h1>{t("jobs.batchTitle", { id: batch })}</h1>
      {failed === null ? null : (
        <p class="problem" role="alert">
          {failed}
        </p>
      )}
      {held === null ? (
        failed === null ? <p class="notice quiet">{t("jobs.loading")}</p> : null
      ) : (
        <>
          <p class="batch-line">
            <span>{progress(held)}</span>{" "}
            <button type="button" aria-haspopup="dialog" onClick={() => open(true)}>
              {t("jobs.summary")}
            </button>
          </p>
          <JobTable jobs={held.items} label={t("jobs.batchTitle", { id: batch })} withBatch={false} />
          <p class="actions">
            {cursor === "" ? null : (
              <button type="button" onClick={() => setQuery({ cursor: null })}>
                {t("jobs.newest")}
              </button>
            )}
            {held.next === null ? null : (
              <button type="button" onClick={() => setQuery({ cursor: held.next })}>
                {t("jobs.older")}
              </button>
            )}
          </p>
          {opened ? (
            <Dialog title={t("jobs.summaryOf", { id: batch })} onClose={() => open(false)}>
              <Summary batch={held} />
            </Dialog>
          ) : null}
        </>
      )}
    </div>
  );
}

function progress({ totals }: Batch): string {
  const n = (value: number): string => count(language.value, value);
  return t("jobs.progress", { jobs: n(totals.jobs), running: n(totals.running), complete: n(totals.complete), failed: n(totals.failed) });
}

function Summary({ batch }: { batch: Batch }) {
  const { totals } = batch;
  const maybe = (value: number | null, show: (value: number) => string): string => (value === null ? "–" : show(value));
  const shown: [string, string][] = [
    [t("jobs.timeSum"), seconds(totals.processing_time_sec)],
    [t("jobs.timeAvg"), maybe(totals.processing_time_sec_avg, seconds)],
    [t("jobs.cpuSeconds"), seconds(totals.cpu_seconds)],
    [t("jobs.cpuAvg"), maybe(totals.cpu_percent_avg, percentage)],
    [t("jobs.cpuMax"), maybe(totals.cpu_percent_max, percentage)],
    [t("jobs.ramAvg"), maybe(totals.ram_mb_avg, megabytes)],
    [t("jobs.ramPeak"), maybe(totals.ram_mb_peak, megabytes)],
    [t("jobs.gpu"), maybe(totals.gpu_percent, percentage)],
    [t("jobs.vramPeak"), maybe(totals.gpu_vram_mb_peak, megabytes)],
  ];
  return (
    <>
      <p>{progress(batch)}</p>
      <dl class="figures-grid">
        {shown.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Named title={t("jobs.slowest")} jobs={batch.slowest.map(({ id, value }) => ({ id, text: seconds(value) }))} />
      <Named title={t("jobs.heaviest")} jobs={batch.heaviest.map(({ id, value }) => ({ id, text: megabytes(value) }))} />
      <Named title={t("jobs.failed")} jobs={batch.failed.map(({ id, error }) => ({ id, text: error ?? "" }))} />
      {totals.dropped === 0 ? null : <p class="quiet">{t("jobs.dropped", { n: count(language.value, totals.dropped) })}</p>}
    </>
  );
}

function Named({ title, jobs }: { title: string; jobs: { id: string; text: string }[] }) {
  if (jobs.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ol class="named-jobs">
        {jobs.map(({ id, text }) => (
          <li key={id}>
            <Link href={jobAddress(id)}>{id}</Link> <small>{text}</small>
          </li>
        ))}
      </ol>
    </>
  );
}
