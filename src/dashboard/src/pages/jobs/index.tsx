/** Measured runs and retrainings, newest first, live while they run. */

import { useEffect } from "preact/hooks";
import { JOB_STATES, jobsPath, type JobPage } from "../../api/jobs";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { query, setQuery } from "../../route/route";
import { useConnection } from "../../shell/use-connection";
import { usePolled } from "../../shell/use-polled";
import { language } from "../../store/preferences";
import { stateName } from "./card";
import { JobTable } from "./table";

const EVERY_MS = 2_000;
const LIMIT = "100";

export function JobsPage() {
  useConnection("jobs", () => []);
  const of = (name: string): string => query.value.get(name) ?? "";
  const cursor = of("cursor");
  const path = jobsPath({ q: of("q"), state: of("state"), kind: of("kind"), source: of("source"), model: of("model"), cursor, limit: LIMIT });
  const { held, failed } = usePolled<JobPage>(path, EVERY_MS);
  useEffect(() => {
    document.title = `${t("nav.jobs")} · Tidewatch`;
  }, [language.value]);
  const choose = (name: string, value: string): void => setQuery({ [name]: value === "" ? null : value, cursor: null }, { merge: name === "q" });
  return (
    <div class="page jobs">
      <div class="title-row">
        <h1>{t("nav.jobs")}</h1>
        <p class="quiet">{t("jobs.explained")}</p>
      </div>
      <div class="toolbar" role="search">
        <input
          type="search"
          class="filter"
          placeholder={t("jobs.filter")}
          aria-label={t("jobs.filter")}
          value={of("q")}
          onInput={(event) => choose("q", event.currentTarget.value)}
        />
        <select aria-label={t("jobs.state")} value={of("state")} onChange={(event) => choose("state", event.currentTarget.value)}>
          <option value="">{t("jobs.anyState")}</option>
          {JOB_STATES.map((state) => (
            <option key={state} value={state}>
              {stateName(state)}
            </option>
          ))}
        </select>
        <select aria-label={t("jobs.kind")} value={of("kind")} onChange={(event) => choose("kind", event.currentTarget.value)}>
          <option value="">{t("jobs.anyKind")}</option>
          <option value="run">{t("jobs.kind.run")}</option>
          <option value="retraining">{t("jobs.kind.retraining")}</option>
        </select>
        {(["source", "model"] as const).map((name) =>
          of(name) === "" ? null : (
            <button type="button" key={name} onClick={() => choose(name, "")}>
              {of(name)} ✕<span class="visually-hidden"> {t("jobs.unfilter")}</span>
            </button>
          ),
        )}
      </div>
      {failed === null ? null : (
        <p class="problem" role="alert">
          {failed}
        </p>
      )}
      {held === null ? failed === null ? <p class="notice quiet">{t("jobs.loading")}</p> : null : <JobTable jobs={held.items} label={t("nav.jobs")} withBatch />}
      {held === null ? null : (
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
          {held.dropped === 0 ? null : <small>{t("jobs.dropped", { n: count(language.value, held.dropped) })}</small>}
        </p>
      )}
    </div>
  );
}
