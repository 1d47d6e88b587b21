/** Whose a model is and by which words to find it; with a token that may, a form to say so. */

import { useSignal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import { modelPath } from "../../api/paths";
import { api } from "../../api/session";
import type { ModelSummary } from "../../api/types";
import { t } from "../../i18n";
import { failureText } from "../../shell/failure";
import { Forget } from "../../shell/forget";
import { Link } from "../../shell/link";
import { role } from "../../store/session";

type Course = { kind: "reading" | "editing" | "saving" } | { kind: "failed"; message: string };

export function Description({ model }: { model: ModelSummary }) {
  const course = useSignal<Course>({ kind: "reading" });
  if (course.value.kind !== "reading") return <DescriptionForm model={model} course={course} />;
  const { owner, tags, archived } = model;
  return (
    <p class="chips described">
      {owner === null ? null : (
        <Link href={`/?owner=${encodeURIComponent(owner)}`} class="chip owner" title={t("overview.ownerTitle", { owner })}>
          {owner}
        </Link>
      )}
      {tags.map((tag) => (
        <Link key={tag} href={`/?tag=${encodeURIComponent(tag)}`} class="chip" title={t("overview.tagTitle", { tag })}>
          {tag}
        </Link>
      ))}
      {archived ? <span class="tag">{t("describe.isArchived")}</span> : null}
      {role.value === "viewer" ? null : (
        <button type="button" class="chip" onClick={() => (course.value = { kind: "editing" })}>
          {t("describe.edit")}
        </button>
      )}
      <Forget name={model.name} path={modelPath(model.name)} after="/" />
    </p>
  );
}

function DescriptionForm({ model, course }: { model: ModelSummary; course: { value: Course } }) {
  const save = async (event: TargetedEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    course.value = { kind: "saving" };
    try {
      await api.peek()?.put(`${modelPath(model.name)}/description`, {
        owner: String(fields.get("owner")).trim(),
        tags: tagsIn(String(fields.get("tags"))),
        archived: fields.get("archived") === "on",
      });
      course.value = { kind: "reading" };
    } catch (error) {
      course.value = { kind: "failed", message: failureText(error) };
    }
  };
  const failed = course.value.kind === "failed" ? course.value.message : "";
  return (
    <form class="describe" onSubmit={(event) => void save(event)}>
      <label>
        {t("describe.owner")}
        <input name="owner" maxLength={64} defaultValue={model.owner ?? ""} autoFocus />
      </label>
      <label>
        {t("describe.tags")}
        <input name="tags" defaultValue={model.tags.join(", ")} />
      </label>
      <label class="check">
        <input type="checkbox" name="archived" defaultChecked={model.archived} /> {t("describe.archive")}
      </label>
      <span class="actions">
        <button type="submit" class="primary" disabled={course.value.kind === "saving"}>
          {t("describe.save")}
        </button>
        <button type="button" onClick={() => (course.value = { kind: "reading" })}>
          {t("confirm.cancel")}
        </button>
      </span>
      <p class="problem" role="alert">
        {failed}
      </p>
    </form>
  );
}

/** Tags as a person writes them: separated by commas. */
export const tagsIn = (text: string): string[] => [...new Set(text.split(",").map((tag) => tag.trim()).filter((tag) => tag !== ""))];
