/** One column of the window that is looked at: its distribution, every test, its figures on both sides, its categories. */

import type { ColumnReport, DriftReport, DriftTest, Profile } from "../../../api/drift";
import { effect, MISSING_MIN, nats, points, pValue } from "../../../format/drift";
import { count, decimal, percent } from "../../../format/number";
import { t } from "../../../i18n";
import { Moment, Span } from "../../../shell/time";
import { Scroller } from "../../../shell/scroller";
import { language } from "../../../store/preferences";
import { setQuery } from "../../../route/route";
import { driftWindow, type Against } from "../view";
import { Histogram } from "./histogram";
import { isClean, isSeen } from "./order";
import { ColumnLight } from "./status";
import { groupName, sideName, subjectName, testName } from "./words";

/** Tests that are decided by their p-value; the others by how far the statistic reaches. */
const BY_P_VALUE = new Set(["ks", "chi_square"]);
const TEST_ORDER = [
  "psi", "psi_add_half", "ks", "chi_square", "jensen_shannon", "jensen_shannon_nats", "hellinger", "wasserstein", "total_variation", "l_infinity",
  "kullback_leibler", "missing",
];

export function ColumnDetail({ column, report, against }: { column: ColumnReport; report: DriftReport; against: Against }) {
  const locale = language.value;
  const before = sideName(against);
  const { judged, attribution } = column;
  return (
    <section class="card column-detail" id="column-detail" tabIndex={0} aria-labelledby="detail-title">
      <div class="section-head">
        <h2 id="detail-title" tabIndex={-1}>
          {subjectName(column.subject)}
        </h2>
        <ColumnLight status={column.status} />
        <p class="chart-window">
          {groupName(column)}
          <br />
          {t(driftWindow.value !== null ? "details.pinned" : report.score === null ? "drift.newest" : "drift.lastJudged")} · <Span start={report.start} end={report.end} /> ·{" "}
          {t("value.n", { n: count(locale, report.predictions) })}
        </p>
        {driftWindow.value === null ? null : (
          <button type="button" onClick={() => setQuery({ window: null })}>
            {t("details.unpin")}
          </button>
        )}
      </div>
      <div class="sayings">
        {column.since === null ? null : (
          <p>
            {t("drift.since")} <Moment at={column.since} />
          </p>
        )}
        {judged === null ? (
          <p class="quiet">{t(column.status === "not_compared" ? "drift.notComparedColumn" : "drift.noDataColumn")}</p>
        ) : (
          <p>
            {t("drift.judgedSentence", {
              effect: effect(locale, judged.psi),
              threshold: effect(locale, report.policy.psi_threshold),
              evidence: nats(locale, judged.evidence),
              needed: nats(locale, judged.needed),
            })}
          </p>
        )}
        {isSeen(column, report.policy) ? <p>{t("drift.seenSentence")}</p> : null}
        {isClean(column) ? (
          <p>{t("drift.cleanWindows", { n: count(locale, column.clean_windows), needed: count(locale, column.clean_windows_needed) })}</p>
        ) : null}
        {judged === null || Math.abs(judged.missing_change) < MISSING_MIN ? null : (
          <p>{t("drift.missingSentence", { points: points(locale, judged.missing_change) })}</p>
        )}
        {attribution === null ? null : <p>{t("drift.attribution", { points: points(locale, attribution) })}</p>}
      </div>
      {column.histogram.length === 0 ? <p class="quiet">{t("histogram.none")}</p> : <Histogram bins={column.histogram} before={before} />}
      <Tests tests={column.tests} />
      <Sides column={column} before={before} />
      <Newcomers profile={column.current} />
    </section>
  );
}

function Tests({ tests }: { tests: Record<string, DriftTest> }) {
  const locale = language.value;
  const names = Object.keys(tests).sort((a, b) => place(a) - place(b));
  if (names.length === 0) return <p class="quiet">{t("tests.none")}</p>;
  return (
    <Scroller label={t("tests.title")}>
      <table class="data tests">
        <caption>{t("tests.title")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("tests.test")}</th>
            <th scope="col">{t("tests.statistic")}</th>
            <th scope="col">{t("tests.pValue")}</th>
            <th scope="col">{t("tests.threshold")}</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const test = tests[name]!;
            const byP = BY_P_VALUE.has(name);
            return (
              <tr key={name}>
                <th scope="row">{testName(name)}</th>
                <td>{decimal(locale, test.statistic)}</td>
                <td>{pValue(locale, test.p_value)}</td>
                <td>{byP ? `p < ${pValue(locale, test.threshold)}` : `≥ ${decimal(locale, test.threshold, 3)}`}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroller>
  );
}

const place = (name: string): number => {
  const at = TEST_ORDER.indexOf(name);
  return at === -1 ? TEST_ORDER.length : at;
};

const QUANTILES = ["p01", "p05", "p25", "p50", "p75", "p95", "p99"] as const;

/** Moments and quantiles of numbers, counts of everything, side by side. */
function Sides({ column, before }: { column: ColumnReport; before: string }) {
  const locale = language.value;
  const number = (value: number | null | undefined): string => decimal(locale, value);
  const rows: { name: string; show: (side: Profile) => string }[] = [
    { name: t("profile.rows"), show: (side) => count(locale, side.rows) },
    { name: t("profile.present"), show: (side) => count(locale, side.present) },
  ];
  if (column.type === "numeric") {
    rows.push(
      { name: t("profile.mean"), show: (side) => number(side.mean) },
      { name: t("profile.deviation"), show: (side) => number(side.deviation) },
      { name: t("profile.least"), show: (side) => number(side.least) },
      ...QUANTILES.map((quantile) => ({ name: quantile, show: (side: Profile) => number(side.quantiles[quantile]) })),
      { name: t("profile.greatest"), show: (side) => number(side.greatest) },
    );
  }
  if (column.type === "categorical") rows.push({ name: t("profile.cardinality"), show: (side) => count(locale, side.cardinality) });
  return (
    <Scroller label={t("profile.title")}>
      <table class="data sides">
        <caption>{t("profile.title")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("details.metric")}</th>
            <th scope="col">{before}</th>
            <th scope="col">{t("histogram.current")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, show }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{show(column.reference)}</td>
              <td>{show(column.current)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

/** Categories that the reference does not have. */
function Newcomers({ profile }: { profile: Profile }) {
  const locale = language.value;
  if (profile.newcomers.length === 0) return null;
  return (
    <div class="newcomers">
      <h3>{t("profile.newcomers")}</h3>
      <ul>
        {profile.newcomers.map(({ name, count: n }) => (
          <li key={name}>
            <b>{name}</b> <small>{`${percent(locale, profile.present === 0 ? null : n / profile.present)} · ${t("value.n", { n: count(locale, n) })}`}</small>
          </li>
        ))}
      </ul>
      {profile.newcomers.reduce((sum, each) => sum + each.count, 0) < profile.new_category ? (
        <p class="quiet">{t("profile.newcomersSome", { n: count(locale, profile.new_category) })}</p>
      ) : null}
    </div>
  );
}
