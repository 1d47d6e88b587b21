/** Jobs as a table; the cell of what one has cost opens its figures. */

import { useState } from "preact/hooks";
import type { Job } from "../../api/jobs";
import { MISSING } from "../../format/number";
import { t } from "../../i18n";
import { batchAddress, hostAddress, jobAddress, modelAddress } from "../../route/route";
import { Dialog } from "../../shell/dialog";
import { Link } from "../../shell/link";
import { Ago } from "../../shell/time";
import { JobCard, State } from "./card";
import { cellOf, seconds } from "./figures";

interface Props {
  jobs: readonly Job[];
  /** The name of the table. */
  label: string;
  /** Those of one batch need not name it. */
  withBatch: boolean;
}

export function JobTable({ jobs, label, withBatch }: Props) {
  const [opened, open] = useState<string | null>(null);
  const shown = jobs.find(({ id }) => id === opened);
  if (jobs.length === 0) return <p class="notice quiet">{t("jobs.none")}</p>;
  return (
    <div class="card scroll" role="region" tabIndex={0} aria-label={label}>
      <table class="jobs-table">
        <thead>
          <tr>
            <th scope="col">{t("jobs.job")}</th>
            <th scope="col">{t("jobs.state")}</th>
            <th scope="col">{t("jobs.time")}</th>
            <th scope="col">{t("jobs.performance")}</th>
            {withBatch ? <th scope="col">{t("jobs.batch")}</th> : null}
            <th scope="col">{t("jobs.host")}</th>
            <th scope="col">{t("jobs.model")}</th>
            <th scope="col">{t("jobs.seen")}</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={job.id}>
              <th scope="row">
                <Link href={jobAddress(job.id)}>{job.id}</Link>
              </th>
              <td>
                <State job={job} />
                {job.error === null ? null : <small class="problem"> {job.error}</small>}
              </td>
              <td>{job.performance === null ? MISSING : seconds(job.performance.processing_time_sec)}</td>
              <td>
                {job.performance === null ? (
                  MISSING
                ) : (
                  <button type="button" class="plain" aria-haspopup="dialog" onClick={() => open(job.id)}>
                    {cellOf(job.performance)}
                  </button>
                )}
              </td>
              {withBatch ? <td>{job.batch_id === null ? MISSING : <Link href={batchAddress(job.batch_id)}>{job.batch_id}</Link>}</td> : null}
              <td>
                <Link href={hostAddress(job.source)}>{job.source}</Link>
              </td>
              <td>{job.model === null ? MISSING : <Link href={modelAddress(job.model)}>{job.model}</Link>}</td>
              <td>
                <Ago at={job.ended_at ?? job.seen_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown === undefined ? null : (
        <Dialog title={shown.id} onClose={() => open(null)}>
          <JobCard job={shown} />
        </Dialog>
      )}
    </div>
  );
}
