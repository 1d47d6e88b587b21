/** The versions that were trained of a model, when each served, and what a person may do with them. */

import { useState } from "preact/hooks";
import { decidePath, type TrainedVersion } from "../../api/retraining";
import { api } from "../../api/session";
import { count, decimal } from "../../format/number";
import { t } from "../../i18n";
import { failureText } from "../../shell/failure";
import { Moment } from "../../shell/time";
import { TypedConfirm } from "../../shell/typed-confirm";
import { Scroller } from "../../shell/scroller";
import { language } from "../../store/preferences";
import { role } from "../../store/session";

type Asked = { what: "promote" | "rollback"; version: TrainedVersion };

/** Characters of a hash that are shown; all of them are its title. */
const HASH_SHOWN = 12;

export function Versions({ model, versions }: { model: string; versions: readonly TrainedVersion[] }) {
  const [asked, ask] = useState<Asked | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const decide = ({ what, version }: Asked): void => {
    ask(null);
    const body = what === "promote" ? { version: version.version } : { to: version.version };
    void api
      .peek()
      ?.post(decidePath(model, what), body)
      .then(() => setFailed(null))
      .catch((error: unknown) => setFailed(failureText(error)));
  };
  return (
    <section>
      <h2>{t("retrain.versions")}</h2>
      {failed === null ? null : (
        <p class="problem" role="alert">
          {failed}
        </p>
      )}
      {versions.length === 0 ? <p class="notice quiet">{t("retrain.noVersions")}</p> : <Table versions={versions} ask={ask} />}
      {asked === null ? null : (
        <TypedConfirm
          title={t(asked.what === "promote" ? "retrain.promoteTitle" : "retrain.rollBackTitle", { version: asked.version.version, model })}
          name={model}
          action={t(asked.what === "promote" ? "retrain.promote" : "retrain.rollBack")}
          onConfirm={() => decide(asked)}
          onCancel={() => ask(null)}
        >
          <p>{t(asked.what === "promote" ? "retrain.promoteNote" : "retrain.rollBackNote")}</p>
          {asked.what === "promote" && asked.version.standing !== "proposed" ? <p class="problem">{unproved(asked.version)}</p> : null}
        </TypedConfirm>
      )}
    </section>
  );
}

function unproved({ evidence }: TrainedVersion): string {
  const figure = (value: number): string => decimal(language.value, value, 3);
  return t("retrain.unproved", { value: figure(evidence.value), threshold: figure(evidence.threshold) });
}

function Table({ versions, ask }: { versions: readonly TrainedVersion[]; ask: (asked: Asked) => void }) {
  const mayAct = role.value === "operator" || role.value === "admin";
  return (
    <Scroller label={t("retrain.versions")} class="card">
      <table class="jobs-table">
        <thead>
          <tr>
            <th scope="col">{t("retrain.versions")}</th>
            <th scope="col">{t("retrain.standing")}</th>
            <th scope="col">{t("retrain.made")}</th>
            <th scope="col">{t("retrain.rows")}</th>
            <th scope="col">{t("retrain.artifact")}</th>
            <th scope="col">{t("retrain.served")}</th>
            {mayAct ? <th scope="col">{t("retrain.act")}</th> : null}
          </tr>
        </thead>
        <tbody>
          {versions.map((version) => (
            <tr key={version.version}>
              <th scope="row">{version.version}</th>
              <td>{t(`retrain.standing.${version.standing}`)}</td>
              <td>
                <Moment at={version.made_at} />
              </td>
              <td>{count(language.value, version.rows)}</td>
              <td>
                <code title={version.artifact}>{version.artifact.slice(0, HASH_SHOWN)}</code>
                {version.kept ? null : <small class="quiet"> {t("retrain.gone")}</small>}
              </td>
              <td>
                <Served version={version} />
              </td>
              {mayAct ? (
                <td>
                  <Act version={version} ask={ask} />
                </td>
              ) : null}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

function Served({ version }: { version: TrainedVersion }) {
  if (version.served.length === 0) return <>{t("retrain.never")}</>;
  return (
    <ul class="served">
      {version.served.map(({ from, to }) => (
        <li key={from}>
          <Moment at={from} /> – {to === null ? t("retrain.stillServes") : <Moment at={to} />}
        </li>
      ))}
    </ul>
  );
}

/** One that served before can come back; any other can be promoted, by an admin also against the evidence. */
function Act({ version, ask }: { version: TrainedVersion; ask: (asked: Asked) => void }) {
  if (version.standing === "champion" || !version.kept) return null;
  if (version.served.length !== 0) {
    return (
      <button type="button" onClick={() => ask({ what: "rollback", version })}>
        {t("retrain.rollBack")}
        <span class="visually-hidden"> {version.version}</span>
      </button>
    );
  }
  if (version.standing !== "proposed" && role.value !== "admin") return null;
  return (
    <button type="button" onClick={() => ask({ what: "promote", version })}>
      {t("retrain.promote")}
      <span class="visually-hidden"> {version.version}</span>
    </button>
  );
}
