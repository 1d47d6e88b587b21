/** One server or service: what is out of the ordinary there, every series with what is usual for it, and its newest records. */

import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { Analysis, SeriesFigures } from "../../api/analysis";
import { sourceAnalysisPath, sourceFindingsPath, sourcePath, sourceRecordsPath } from "../../api/paths";
import { api } from "../../api/session";
import { interval, MISSING } from "../../format/number";
import { quantity } from "../../format/quantity";
import { t } from "../../i18n";
import { ANALYSIS } from "../../route/route";
import { Forget } from "../../shell/forget";
import { Link } from "../../shell/link";
import { Ago, Moment } from "../../shell/time";
import { useConnection } from "../../shell/use-connection";
import { language } from "../../store/preferences";
import { FindingRow } from "../analysis/row";
import { SeriesChart } from "../analysis/series-chart";
import { seriesText, unitOf } from "../analysis/words";

/** Milliseconds between two readings: a series has a new point every half minute. */
const REREAD_MS = 15_000;

const RECORD_KINDS = ["log", "event", "snapshot", "job"] as const;
type RecordKind = (typeof RECORD_KINDS)[number];

interface SourceSummary {
  name: string;
  kinds: Record<string, { records: number; last_at: string }>;
}

interface Held {
  source: SourceSummary;
  series: SeriesFigures[];
  findings: Analysis;
}

export function SourcePage({ source }: { source: string }) {
  useConnection(`source ${source}`, () => []);
  const { held, problem } = useSource(source);
  useEffect(() => {
    document.title = `${source} · Tidewatch`;
  }, [source]);
  return (
    <div class="page source">
      <nav aria-label={t("nav.analysis")}>
        <Link href={ANALYSIS} class="back">
          ← {t("nav.analysis")}
        </Link>
      </nav>
      <h1>{source}</h1>
      {held === null && problem === null ? <p class="notice quiet">{t("source.loading")}</p> : null}
      {problem === null ? null : (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {held === null ? null : <Parts held={held} />}
    </div>
  );
}

function Parts({ held: { source, series, findings } }: { held: Held }) {
  return (
    <>
      <p class="quiet">
        {Object.entries(source.kinds).map(([kind, { records, last_at: last }], index) => (
          <span key={kind}>
            {index === 0 ? "" : " · "}
            {t("source.kind", { kind: kindName(kind), n: records })} <Ago at={last} />
          </span>
        ))}{" "}
        <Forget name={source.name} path={sourcePath(source.name)} after={ANALYSIS} />
      </p>
      <section class="card" aria-labelledby="source-findings">
        <h2 id="source-findings">{t("source.findings")}</h2>
        {findings.items.length === 0 ? (
          <p class="quiet">{t("source.ordinary")}</p>
        ) : (
          <table class="findings" role="table" aria-labelledby="source-findings">
            <tbody role="rowgroup">
              {findings.items.map((finding) => (
                <FindingRow key={finding.id} finding={finding} />
              ))}
            </tbody>
          </table>
        )}
      </section>
      <section class="card" aria-labelledby="source-series">
        <h2 id="source-series">{t("source.series")}</h2>
        {series.length === 0 ? <p class="quiet">{t("source.noSeries")}</p> : null}
        <ul class="series-grid">
          {series.map((each) => (
            <SeriesCard key={seriesText({ kind: "anomaly", series: each })} series={each} />
          ))}
        </ul>
      </section>
      <Records source={source} />
    </>
  );
}

function SeriesCard({ series }: { series: SeriesFigures }) {
  const unit = unitOf(series);
  const show = (value: number): string => quantity(language.value, value, unit);
  const { value, low, high, trails, is_unusual: unusual, at } = series;
  const trail = trails[0];
  return (
    <li class={unusual ? "series unusual" : "series"}>
      <h3>{seriesText({ kind: "anomaly", series })}</h3>
      <p>
        <b>{value === null ? MISSING : show(value)}</b>{" "}
        <small>{low === null || high === null ? t("source.learning") : t("finding.expected", { value: interval(low, high, show) })}</small>
        {unusual ? <span class="tag">{t("source.unusual")}</span> : null}
      </p>
      {trail === undefined ? null : <SeriesChart name={series.name} trail={trail} low={low} high={high} unit={unit} />}
      {at === null ? null : (
        <small>
          <Ago at={at} />
        </small>
      )}
    </li>
  );
}

interface RecordRow {
  seq: number;
  at: string;
  record: Record<string, unknown>;
}

/** The newest records of one kind; those of a source that sends none are not offered. */
function Records({ source }: { source: SourceSummary }) {
  const kinds = RECORD_KINDS.filter((kind) => source.kinds[kind] !== undefined);
  const chosen = useSignal<RecordKind | null>(null);
  const kind = chosen.value ?? kinds[0] ?? null;
  const [items, setItems] = useState<RecordRow[] | null>(null);
  useEffect(() => {
    if (kind === null) return;
    const reading = new AbortController();
    const read = (): void => {
      api
        .peek()
        ?.get<{ items: RecordRow[] }>(sourceRecordsPath(source.name, kind), reading.signal)
        .then(({ body }) => setItems(body.items))
        .catch(() => undefined);
    };
    read();
    const timer = setInterval(read, REREAD_MS);
    return () => {
      reading.abort();
      clearInterval(timer);
    };
  }, [source.name, kind]);
  if (kind === null) return null;
  return (
    <section class="card" aria-labelledby="source-records">
      <h2 id="source-records">{t("source.records")}</h2>
      <div class="segmented" role="group" aria-label={t("source.records")}>
        {kinds.map((each) => (
          <button type="button" key={each} aria-pressed={each === kind} onClick={() => (chosen.value = each)}>
            {kindName(each)}
          </button>
        ))}
      </div>
      <div class="scroll" role="region" tabIndex={0} aria-labelledby="source-records">
        <table class="records">
          <tbody>
            {(items ?? []).map(({ seq, at, record }) => (
              <tr key={seq}>
                <td>
                  <Moment at={at} />
                </td>
                <td>{String(record["level"] ?? record["severity"] ?? record["type"] ?? "")}</td>
                <td>{String(record["message"] ?? record["title"] ?? JSON.stringify(record))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function kindName(kind: string): string {
  return kind === "sample" ? t("source.kind.sample") : t(`source.kind.${RECORD_KINDS.find((each) => each === kind) ?? "log"}`);
}

/** Reads a source, its series and its findings, again and again while the page is open. */
function useSource(source: string): { held: Held | null; problem: string | null } {
  const [held, setHeld] = useState<Held | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    const reading = new AbortController();
    const read = async (): Promise<void> => {
      const client = api.peek();
      if (client === null) return;
      try {
        const [summary, series, findings] = await Promise.all([
          client.get<SourceSummary>(sourcePath(source), reading.signal),
          client.get<{ items: SeriesFigures[] }>(sourceAnalysisPath(source), reading.signal),
          client.get<Analysis>(sourceFindingsPath(source), reading.signal),
        ]);
        setHeld({ source: summary.body, series: series.body.items, findings: findings.body });
        setProblem(null);
      } catch (error) {
        if (!reading.signal.aborted) setProblem(error instanceof Error ? error.message : String(error));
      }
    };
    void read();
    const timer = setInterval(() => void read(), REREAD_MS);
    return () => {
      reading.abort();
      clearInterval(timer);
    };
  }, [source]);
  return { held, problem };
}
