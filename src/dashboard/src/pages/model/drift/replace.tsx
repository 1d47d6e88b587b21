/** Another reference: gathered anew from the predictions to come, or a training set that is uploaded. */

import { useSignal, type Signal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import type { DriftReport, ReferenceTaken } from "../../../api/drift";
import { referencePath, type ReferenceQuery } from "../../../api/paths";
import { api } from "../../../api/session";
import { count, percent } from "../../../format/number";
import { t } from "../../../i18n";
import { Confirm } from "../../../shell/confirm";
import { failureText } from "../../../shell/failure";
import { language } from "../../../store/preferences";
import { role } from "../../../store/session";
import { columnsIn, HEAD_BYTES, usual } from "./training";

const SOURCES = ["gather", "upload"] as const;
type Source = (typeof SOURCES)[number];

/** A training set that was chosen, and which of its columns are no features. */
interface Chosen {
  file: File;
  columns: string[];
  prediction: string | null;
  score: string | null;
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
  const every = useSignal(false);
  const course = useSignal<Course>({ kind: "editing" });
  const { version } = report;
  const busy = course.value.kind === "sending";
  const named = version ?? t("drift.unnamed");
  const all = every.value || version === null;

  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (!busy) course.value = { kind: "asking" };
  };
  const replace = async (): Promise<void> => {
    const file = source.value === "upload" ? chosen.value : null;
    course.value = { kind: "sending", share: file === null ? null : 0 };
    try {
      const taken = await send(report.model, file === null ? { version: every.value ? null : version } : { version, prediction: file.prediction, score: file.score }, file?.file ?? null, course);
      course.value = { kind: "done", taken };
      onReplaced();
    } catch (error) {
      course.value = { kind: "failed", message: failureText(error) };
    }
  };

  return (
    <form id="replace-form" class="replace-form" onSubmit={submit}>
      <fieldset>
        <legend>{t("replace.title", { version: named })}</legend>
        {SOURCES.map((each) => (
          <label key={each} class="radio">
            <input type="radio" name="reference-source" checked={source.value === each} onChange={() => (source.value = each)} />
            {t(`replace.${each}`)}
          </label>
        ))}
        {source.value === "gather" ? (
          <>
            <p class="quiet">{t("replace.gatherNote", { needed: count(language.value, report.policy.reference_rows) })}</p>
            {version === null || report.versions.length < 2 ? null : (
              <label class="radio">
                <input type="checkbox" checked={every.value} onChange={(event) => (every.value = event.currentTarget.checked)} />
                {t("replace.every")}
              </label>
            )}
          </>
        ) : (
          <TrainingSet chosen={chosen} />
        )}
        <button type="submit" class="primary" aria-disabled={busy}>
          {t("replace.submit")}
        </button>
      </fieldset>
      <Progress course={course.value} />
      {course.value.kind !== "asking" ? null : (
        <Confirm title={t("replace.confirmTitle")} action={t("replace.confirm")} onConfirm={() => void replace()} onCancel={() => (course.value = { kind: "editing" })}>
          <p>{source.value === "gather" ? t(all ? "replace.askGatherAll" : "replace.askGather", { version: named }) : t("replace.askUpload", { version: named, file: chosen.value?.file.name ?? "" })}</p>
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
        <input type="file" required accept=".csv,.jsonl,.ndjson,.json,text/csv,application/x-ndjson" onChange={(event) => void choose(event.currentTarget.files?.[0])} />
      </label>
      {held === null ? null : held.columns.length === 0 ? (
        <p class="problem">{t("replace.noColumns")}</p>
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
