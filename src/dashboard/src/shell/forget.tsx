/** A button that deletes a model or a source: first it says what goes, then it asks. For admins only. */

import { useSignal } from "@preact/signals";
import { api } from "../api/session";
import { count } from "../format/number";
import { t } from "../i18n";
import { go } from "../route/route";
import { role } from "../store/session";
import { language } from "../store/preferences";
import { Confirm } from "./confirm";
import { failureText } from "./failure";

/** What the server says it would delete: of a model predictions and versions, of a source records and series. */
interface Dry {
  made_by: string;
  predictions?: number;
  versions?: number;
  records?: number;
  series?: number;
  findings: number;
}

type Course = { kind: "idle" } | { kind: "asking"; dry: Dry } | { kind: "failed"; message: string };

interface Props {
  name: string;
  /** Of the model or the source in the API. */
  path: string;
  /** Where to go once it is deleted. */
  after: string;
}

export function Forget({ name, path, after }: Props) {
  const course = useSignal<Course>({ kind: "idle" });
  if (role.value !== "admin") return null;
  const attempt = (work: () => Promise<void>) => void work().catch((error: unknown) => (course.value = { kind: "failed", message: failureText(error) }));
  const look = async (): Promise<void> => {
    const answer = await api.peek()?.delete<Dry>(`${path}?dry_run=true`);
    if (answer !== undefined) course.value = { kind: "asking", dry: answer.body };
  };
  const forget = async (): Promise<void> => {
    course.value = { kind: "idle" };
    await api.peek()?.delete(path);
    go(after);
  };
  return (
    <>
      <button type="button" class="chip" onClick={() => attempt(look)}>
        {t("forget.button")}
      </button>
      {course.value.kind === "failed" ? (
        <span class="problem" role="alert">
          {course.value.message}
        </span>
      ) : null}
      {course.value.kind === "asking" ? (
        <Confirm title={t("forget.title", { name })} action={t("forget.do")} onConfirm={() => attempt(forget)} onCancel={() => (course.value = { kind: "idle" })}>
          <p>{goes(course.value.dry)}</p>
          <p class="quiet">{t("forget.note", { producer: course.value.dry.made_by })}</p>
        </Confirm>
      ) : null}
    </>
  );
}

function goes(dry: Dry): string {
  const n = (value: number | undefined): string => count(language.value, value ?? 0);
  const findings = n(dry.findings);
  return dry.predictions === undefined
    ? t("forget.source", { records: n(dry.records), series: n(dry.series), findings })
    : t("forget.model", { predictions: n(dry.predictions), versions: n(dry.versions), findings });
}
