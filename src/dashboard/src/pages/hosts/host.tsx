/** One machine: each core, mount, disk, interface, GPU, chosen process and service, with the last values of each series. */

import { useEffect } from "preact/hooks";
import { hostPath, type HostDetail, type HostSeries } from "../../api/jobs";
import { t } from "../../i18n";
import { hostAddress, HOSTS, jobsOf, modelAddress, sourceAddress } from "../../route/route";
import { Link } from "../../shell/link";
import { StatusLight } from "../../shell/status-light";
import { Ago } from "../../shell/time";
import { useConnection } from "../../shell/use-connection";
import { usePolled } from "../../shell/use-polled";
import { groupsOf, shownValue, titleOf } from "./series";
import { Trail } from "./trail";

const EVERY_MS = 5_000;

export function HostPage({ host }: { host: string }) {
  useConnection(`host ${host}`, () => []);
  const { held, failed } = usePolled<HostDetail>(hostPath(host), EVERY_MS);
  useEffect(() => {
    document.title = `${host} · Tidewatch`;
  }, [host]);
  return (
    <div class="page hosts">
      <nav aria-label={t("nav.hosts")}>
        <Link href={HOSTS} class="back">
          ← {t("nav.hosts")}
        </Link>
      </nav>
      <h1>
        <Link href={hostAddress(host)}>{host}</Link>
      </h1>
      {failed === null ? null : (
        <p class="problem" role="alert">
          {failed}
        </p>
      )}
      {held === null ? failed === null ? <p class="notice quiet">{t("hosts.loading")}</p> : null : <Detail host={held} />}
    </div>
  );
}

function Detail({ host }: { host: HostDetail }) {
  return (
    <>
      <p class="batch-line">
        <StatusLight status={host.status} /> <Ago at={host.last_at} />
        {" · "}
        <Link href={sourceAddress(host.id)}>{t("hosts.analysis", { n: host.findings })}</Link>
        {" · "}
        <Link href={jobsOf({ source: host.id })}>{t("hosts.jobs", { n: host.jobs, running: host.running })}</Link>
        {host.models.map((model) => (
          <span key={model}>
            {" · "}
            <Link href={modelAddress(model)}>{model}</Link>
          </span>
        ))}
      </p>
      {groupsOf(host.series).map(({ group, series }) => (
        <section class="card" key={group} aria-labelledby={`host-${group}`}>
          <h2 id={`host-${group}`}>{t(`hosts.group.${group}`)}</h2>
          <ul class="series-grid">
            {series.map((each) => (
              <Series key={titleOf(each)} series={each} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function Series({ series }: { series: HostSeries }) {
  return (
    <li class="series">
      <h3>{titleOf(series)}</h3>
      <p>
        <b>{shownValue(series, series.value)}</b>
      </p>
      <Trail series={series} />
    </li>
  );
}
