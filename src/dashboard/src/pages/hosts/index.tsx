/** Machines at a glance: processor, memory, disk, GPU, status and findings. */

import { useEffect } from "preact/hooks";
import { hostsPath, type Host } from "../../api/jobs";
import { count, MISSING } from "../../format/number";
import { t } from "../../i18n";
import { hostAddress, jobsOf, modelAddress, query, setQuery, sourceAddress } from "../../route/route";
import { Link } from "../../shell/link";
import { StatusLight } from "../../shell/status-light";
import { Ago } from "../../shell/time";
import { useConnection } from "../../shell/use-connection";
import { usePolled } from "../../shell/use-polled";
import { language } from "../../store/preferences";
import { percentage } from "../jobs/figures";

const EVERY_MS = 5_000;
const LIMIT = "200";

interface HostPage {
  items: Host[];
  next: string | null;
}

export function HostsPage() {
  useConnection("hosts", () => []);
  const text = query.value.get("q") ?? "";
  const cursor = query.value.get("cursor") ?? "";
  const { held, failed } = usePolled<HostPage>(hostsPath({ q: text, cursor, limit: LIMIT }), EVERY_MS);
  useEffect(() => {
    document.title = `${t("nav.hosts")} · Tidewatch`;
  }, [language.value]);
  return (
    <div class="page hosts">
      <div class="title-row">
        <h1>{t("nav.hosts")}</h1>
        <p class="quiet">{t("hosts.explained")}</p>
      </div>
      <div class="toolbar" role="search">
        <input
          type="search"
          class="filter"
          placeholder={t("hosts.filter")}
          aria-label={t("hosts.filter")}
          value={text}
          onInput={(event) => setQuery({ q: event.currentTarget.value === "" ? null : event.currentTarget.value, cursor: null }, { merge: true })}
        />
      </div>
      {failed === null ? null : (
        <p class="problem" role="alert">
          {failed}
        </p>
      )}
      {held === null ? failed === null ? <p class="notice quiet">{t("hosts.loading")}</p> : null : <Table hosts={held.items} />}
      {held?.next == null ? null : (
        <p class="actions">
          <button type="button" onClick={() => setQuery({ cursor: held.next })}>
            {t("hosts.more")}
          </button>
        </p>
      )}
    </div>
  );
}

function Table({ hosts }: { hosts: readonly Host[] }) {
  if (hosts.length === 0) return <p class="notice quiet">{t("hosts.none")}</p>;
  const show = (value: number | null): string => (value === null ? MISSING : percentage(value));
  return (
    <div class="card scroll" role="region" tabIndex={0} aria-label={t("nav.hosts")}>
      <table class="jobs-table">
        <thead>
          <tr>
            <th scope="col">{t("hosts.host")}</th>
            <th scope="col">{t("hosts.status")}</th>
            <th scope="col">{t("hosts.cpu")}</th>
            <th scope="col">{t("hosts.memory")}</th>
            <th scope="col">{t("hosts.disk")}</th>
            <th scope="col">{t("hosts.gpu")}</th>
            <th scope="col">{t("hosts.findings")}</th>
            <th scope="col">{t("nav.jobs")}</th>
            <th scope="col">{t("hosts.models")}</th>
            <th scope="col">{t("hosts.heard")}</th>
          </tr>
        </thead>
        <tbody>
          {hosts.map((host) => (
            <tr key={host.id}>
              <th scope="row">
                <Link href={hostAddress(host.id)}>{host.id}</Link>
              </th>
              <td>
                <StatusLight status={host.status} />
              </td>
              <td>{show(host.cpu)}</td>
              <td>{show(host.memory)}</td>
              <td>{show(host.disk)}</td>
              <td>
                {show(host.gpu)}
                {host.gpu_throttled === true ? <small> {t("hosts.throttled")}</small> : null}
              </td>
              <td>{host.findings === 0 ? MISSING : <Link href={sourceAddress(host.id)}>{count(language.value, host.findings)}</Link>}</td>
              <td>{host.jobs === 0 ? MISSING : <Link href={jobsOf({ source: host.id })}>{t("hosts.jobs", { n: host.jobs, running: host.running })}</Link>}</td>
              <td>
                {host.models.map((model, index) => (
                  <span key={model}>
                    {index === 0 ? "" : ", "}
                    <Link href={modelAddress(model)}>{model}</Link>
                  </span>
                ))}
              </td>
              <td>
                <Ago at={host.last_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
