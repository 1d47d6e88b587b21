import type { Finding } from "../../api/analysis";
import { effect } from "../../format/drift";
import { change, quantity } from "../../format/quantity";
import { MISSING, percent } from "../../format/number";
import { t } from "../../i18n";
import { INSPECTOR, modelAddress, sourceAddress } from "../../route/route";
import { Link } from "../../shell/link";
import { StatusLight } from "../../shell/status-light";
import { Ago, Moment } from "../../shell/time";
import { language } from "../../store/preferences";
import { barOf } from "./order";
import { SeriesChart } from "./series-chart";
import { expectedText, findingText, scoreText, seriesText, unitOf } from "./words";

const WIDTH = 150;
const HEIGHT = 14;

export function FindingRow({ finding, isFirst = false }: { finding: Finding; isFirst?: boolean }) {
  const { id, kind, severity, state, started_at: since, ended_at: until, last_at: last } = finding;
  return (
    <tr role="row" class={state} data-finding={id}>
      <td role="cell" class="c-severity">
        {state === "open" ? <StatusLight status={severity} /> : <span class="status resolved">✓ {t("finding.resolved")}</span>}
        <small>{t(`kind.${kind}`)}</small>
      </td>
      <th role="rowheader" scope="row" class="c-where">
        <Where finding={finding} /> {isFirst ? <span class="tag">{t("analysis.first")}</span> : null}
        <small>{seriesText(finding)}</small>
      </th>
      <td role="cell" class="c-since">
        {until === null ? (
          <>
            <Ago at={since} />
            <small>
              <Moment at={since} />
            </small>
          </>
        ) : (
          <>
            <Moment at={since} /> – <Moment at={until} />
          </>
        )}
      </td>
      <td role="cell" class="c-value">
        <Value finding={finding} />
      </td>
      <td role="cell" class="c-what">
        <p>{findingText(finding)}</p>
        <Lately finding={finding} />
        <Rest finding={finding} />
        {state === "open" ? (
          <small>
            {t("finding.last")} <Ago at={last} />
          </small>
        ) : null}
      </td>
    </tr>
  );
}

/** A column's subject, as the drift tab names it in its address. */
const SUBJECT = /^(feature\/.+|prediction|score)$/s;

/** A model leads to its drift tab. */
function Where({ finding: { id, about, name, series } }: { finding: Finding }) {
  if (about === "source") {
    return (
      <Link href={sourceAddress(name)} id={`source-${encodeURIComponent(id)}`} title={name}>
        {name}
      </Link>
    );
  }
  if (about === "producer") return <Link href={`${INSPECTOR}?${new URLSearchParams({ source: name })}`}>{name}</Link>;
  // it has no page of its own
  if (about === "process") return <>{name}</>;
  const column = series !== null && SUBJECT.test(series.name) ? { column: series.name } : {};
  const version = series?.labels["version"];
  const where = new URLSearchParams({ tab: "drift", ...column, ...(version === undefined ? {} : { version }) });
  return (
    <Link href={`${modelAddress(name)}?${where}`} id={`model-${encodeURIComponent(id)}`} title={name}>
      {name}
    </Link>
  );
}

function Value({ finding }: { finding: Finding }) {
  const { kind, score, value, series } = finding;
  if (kind === "drift" && score !== null) {
    return (
      <>
        <span class="value">{effect(language.value, score)}</span>
        <small>{t("drift.effect")}</small>
      </>
    );
  }
  if (kind === "refused") return <span class="value">{percent(language.value, value)}</span>;
  const expected = expectedText(finding);
  if (value === null && expected === null) return <span class="missing">{MISSING}</span>;
  return (
    <>
      <span class="value">{quantity(language.value, value, unitOf(series))}</span>
      {expected === null ? null : <small>{expected}</small>}
      <RangeBar finding={finding} />
    </>
  );
}

/** The band that was expected, its middle, and where the value is; the text beside it says the same. */
function RangeBar({ finding }: { finding: Finding }) {
  const bar = barOf(finding);
  if (bar === null) return null;
  const { value, expected, band } = bar;
  return (
    <svg class="range-bar" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path class="ground" d={`M0 ${HEIGHT / 2}H${WIDTH}`} />
      {band === null ? null : <rect class="band" x={band.from * WIDTH} y="3" width={Math.max(2, (band.to - band.from) * WIDTH)} height={HEIGHT - 6} rx="2" />}
      {expected === null ? null : <rect class="expected" x={expected * WIDTH - 0.75} y="2" width="1.5" height={HEIGHT - 4} />}
      <circle class={`at ${finding.severity}`} cx={value * WIDTH} cy={HEIGHT / 2} r="4.5" />
    </svg>
  );
}

/** The series, with its usual band and where the finding began. */
function Lately({ finding: { trail, low, high, series, started_at: since } }: { finding: Finding }) {
  if (trail === undefined || trail === null || series === null) return null;
  return <SeriesChart name={series.name} trail={trail} low={low} high={high} unit={unitOf(series)} since={since} />;
}

/** How fast it changes, when it reaches its limit, how sure it is. */
function Rest({ finding }: { finding: Finding }) {
  const { change_per_hour: perHour, limit_at: limit, series, state } = finding;
  const score = scoreText(finding);
  const parts = [...(perHour === null ? [] : [t("finding.perHour", { change: change(language.value, perHour, unitOf(series)) })]), ...(score === null ? [] : [score])];
  return (
    <>
      {limit === null || state === "closed" ? null : (
        <p class="limit">
          {t("finding.limit")} <Moment at={limit} />
        </p>
      )}
      {parts.length === 0 ? null : <small>{parts.join(" · ")}</small>}
    </>
  );
}
