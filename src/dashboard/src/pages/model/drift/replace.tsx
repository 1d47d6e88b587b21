/** Another reference: gathered anew from the predictions to come, a training set that is uploaded, or a stretch of the past. */

import { useSignal, type Signal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import type { DriftReport, ReferenceTaken } from "../../../api/drift";
import { referencePath, type ReferenceQuery } from "../../../api/paths";
import { api } from "../../../api/session";
import { count, percent } from "../../../format/number";
import { localField, moment } from "../../../format/time";
import { t } from "../../../i18n";
import { Confirm } from "../../../shell/confirm";
import { failureText } from "../../../shell/failure";
import { now } from "../../../store/clock";
import { language } from "../../../store/preferences";
import { role } from "../../../store/session";
import { columnsIn, HEAD_BYTES, usual } from "./training";

const SOURCES = ["gather", "upload", "range"] as const;
type Source = (typeof SOURCES)[number];

/** A training set that was chosen, and which of its columns are no features. */
interface Chosen {
  file: File;
  columns: string[];
  prediction: string | null;
  score: string | null;
}

/** A stretch of the past, as the fields have it: the reader's own time, to the minute. */
interface Stretch {
  from: string;
  until: string;
}

type Course = { kind: "editing" | "asking" } | { kind: "sending"; share: number | null } | { kind: "done"; taken: ReferenceTaken } | { kind: "failed"; message: string };

interface Props {
  report: DriftReport;
  onReplaced: () => void;
}

export function ReplaceReference({ report, onReplaced }: Props) {
  const opened = useSignal(false);
  if (role.value === "viewer") return <p class="quiet">{t("replace.viewer")}</p>;
  return (
    <div class="replace">
      <button type="button" aria-expanded={opened.value} aria-controls="replace-form" onClick={() => (opened.value = !opened.value)}>
        {t("replace.open")}
      </button>
      {opened.value ? <ReplaceForm report={report} onReplaced={onReplaced} /> : null}
    </div>
  );
}

function ReplaceForm({ report, onReplaced }: Props) {
  const source = useSignal<Source>("gather");
  const chosen = useSignal<Chosen | null>(null);
  const stretch = useSignal<Stretch>(lastDay());
  const every = useSignal(false);
  const course = useSignal<Course>({ kind: "editing" });
  const { version } = report;
  const busy = course.value.kind === "sending";
  const named = version ?? t("drift.unnamed");
  const all = every.value || version === null;
  const wrong = source.value === "range" && !(Date.parse(stretch.value.from) < Date.parse(stretch.value.until));

  const choose = (next: Source): void => {
    source.value = next;
    // The field that held the file is built anew, and empty.
    chosen.value = null;
  };
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (!busy && !wrong) course.value = { kind: "asking" };
  };
  const queryOf = (): ReferenceQuery => {
    if (source.value === "upload") return { version, prediction: chosen.value?.prediction ?? null, score: chosen.value?.score ?? null };
    const of = { version: every.value ? null : version };
    return source.value === "gather" ? of : { ...of, from: utcOf(stretch.value.from), to: utcOf(stretch.value.until) };
  };
  const replace = async (): Promise<void> => {
    const file = source.value === "upload" ? chosen.value : null;
    course.value = { kind: "sending", share: file === null ? null : 0 };
    try {
      const taken = await send(report.model, queryOf(), file?.file ?? null, course);
      course.value = { kind: "done", taken };
      onReplaced();
    } catch (error) {
      course.value = { kind: "failed", message: failureText(error) };
    }
  };

  const question = (): string => {
    if (source.value === "gather") return t(all ? "replace.askGatherAll" : "replace.askGather", { version: named });
    if (source.value === "upload") return t("replace.askUpload", { version: named, file: chosen.value?.file.name ?? "" });
    const [from, until] = [stretch.value.from, stretch.value.until].map((field) => moment(language.value, new Date(field), now.peek())) as [string, string];
    return t(all ? "replace.askRangeAll" : "replace.askRange", { version: named, from, until });
  };

  return (
    <form id="replace-form" class="replace-form" onSubmit={submit}>
      <fieldset>
        <legend>{t("replace.title", { version: named })}</legend>
        {SOURCES.map((each) => (
          <label key={each} class="radio">
            <input type="radio" name="reference-source" checked={source.value === each} onChange={() => choose(each)} />
            {t(`replace.${each}`)}
          </label>
        ))}
        {source.value === "upload" ? (
          <TrainingSet chosen={chosen} />
        ) : (
          <>
            {source.value === "gather" ? (
              <p class="quiet">{t("replace.gatherNote", { needed: count(language.value, report.policy.reference_rows) })}</p>
            ) : (
              <StretchFields stretch={stretch} wrong={wrong} />
            )}
            {version === null || report.versions.length < 2 ? null : (
              <label class="radio">
                <input type="checkbox" checked={every.value} onChange={(event) => (every.value = event.currentTarget.checked)} />
                {t("replace.every")}
              </label>
            )}
          </>
        )}
        <button type="submit" class="primary" aria-disabled={busy}>
          {t("replace.submit")}
        </button>
      </fieldset>
      <Progress course={course.value} />
      {course.value.kind !== "asking" ? null : (
        <Confirm title={t("replace.confirmTitle")} action={t("replace.confirm")} onConfirm={() => void replace()} onCancel={() => (course.value = { kind: "editing" })}>
          <p>{question()}</p>
        </Confirm>
      )}
    </form>
  );
}

async function send(model: string, query: ReferenceQuery, file: File | null, course: Signal<Course>): Promise<ReferenceTaken> {
  const server = api.peek();
  if (server === null) throw new TypeError("nobody is signed in");
  const path = referencePath(model, query);
  if (file === null) return (await server.put<ReferenceTaken>(path)).body;
  return server.upload<ReferenceTaken>(path, file, (share) => (course.value = { kind: "sending", share }));
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The day before now. */
function lastDay(): Stretch {
  const until = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  return { from: localField((until - DAY_MS) / 1000), until: localField(until / 1000) };
}

/** RFC 3339 in UTC. */
const utcOf = (field: string): string => new Date(field).toISOString();

function StretchFields({ stretch, wrong }: { stretch: Signal<Stretch>; wrong: boolean }) {
  return (
    <>
      <p class="quiet">{t("replace.rangeNote")}</p>
      <div class="stretch">
        {(["from", "until"] as const).map((end) => (
          <label key={end} class="field">
            {t(end === "from" ? "range.from" : "range.to")}
            <input
              type="datetime-local"
              required
              value={stretch.value[end]}
              aria-invalid={wrong}
              aria-describedby="stretch-problem"
              onInput={(event) => (stretch.value = { ...stretch.value, [end]: event.currentTarget.value })}
            />
          </label>
        ))}
      </div>
      <p class="problem" id="stretch-problem">
        {wrong ? t("range.invalid") : ""}
      </p>
    </>
  );
}

/** Which file, and which of its columns hold what the model said of each row. */
function TrainingSet({ chosen }: { chosen: Signal<Chosen | null> }) {
  const choose = async (file: File | undefined): Promise<void> => {
    if (file === undefined) {
      chosen.value = null;
      return;
    }
    const columns = columnsIn(await file.slice(0, HEAD_BYTES).text());
    chosen.value = { file, columns, prediction: usual(columns, "prediction"), score: usual(columns, "score") };
  };
  const held = chosen.value;
  return (
    <>
      <p class="quiet">{t("replace.uploadNote")}</p>
      <label class="field">
        {t("replace.file")}
        <input type="file" required accept=".csv,.tsv,.jsonl,.ndjson,.json,.parquet,.arrow,.feather,.gz,.zst,text/csv,application/x-ndjson" onChange={(event) => void choose(event.currentTarget.files?.[0])} />
      </label>
      {held === null ? null : held.columns.length === 0 ? (
        <>
          <p class="quiet">{t("replace.noColumns")}</p>
          {(["prediction", "score"] as const).map((what) => (
            <label key={what} class="field">
              {t(`replace.${what}`)}
              <input type="text" value={held[what] ?? ""} placeholder={t("replace.noColumn")} onInput={(event) => (chosen.value = { ...held, [what]: event.currentTarget.value || null })} />
            </label>
          ))}
        </>
      ) : (
        <>
          <p class="quiet">{t("replace.columns", { n: count(language.value, held.columns.length), names: held.columns.slice(0, 12).join(", ") + (12 < held.columns.length ? ", …" : "") })}</p>
          {(["prediction", "score"] as const).map((what) => (
            <label key={what} class="field">
              {t(`replace.${what}`)}
              <select value={held[what] ?? ""} onChange={(event) => (chosen.value = { ...held, [what]: event.currentTarget.value || null })}>
                <option value="">{t("replace.noColumn")}</option>
                {held.columns.map((column) => (
                  <option key={column} value={column}>
                    {column}
                  </option>
                ))}
              </select>
            </label>
          ))}
        </>
      )}
    </>
  );
}

/** How far it has come, and how it ended. */
function Progress({ course }: { course: Course }) {
  const locale = language.value;
  const share = course.kind === "sending" ? course.share : null;
  return (
    <>
      <div role="status" class="gathering">
        {course.kind !== "sending" ? null : share !== null && share < 1 ? (
          <>
            <progress max={1} value={share} aria-label={t("replace.sending")} />
            <p>
              {t("replace.sending")} {percent(locale, share)}
            </p>
          </>
        ) : (
          <>
            <progress aria-label={t("replace.applying")} />
            <p>{t("replace.applying")}</p>
          </>
        )}
        {course.kind !== "done" ? null : <p>{doneText(course.taken)}</p>}
        {course.kind !== "done" || course.taken.remarks.length === 0 ? null : (
          <ul class="quiet">
            {course.taken.remarks.map((remark) => (
              <li key={remark}>{remark}</li>
            ))}
          </ul>
        )}
      </div>
      <p class="problem" role="alert">
        {course.kind === "failed" ? t("replace.failed", { message: course.message }) : ""}
      </p>
    </>
  );
}

function doneText({ rows, of }: ReferenceTaken): string {
  if (rows === null) return t("replace.gathers");
  const n = (value: number): string => count(language.value, value);
  return of !== null && rows < of ? t("replace.drawn", { rows: n(rows), of: n(of) }) : t("replace.taken", { rows: n(rows) });
}
