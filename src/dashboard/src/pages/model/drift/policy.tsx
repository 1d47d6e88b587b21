/** When a window is said to have drifted, for all models: what is promised, and, for an admin, a form to change it. */

import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren, TargetedEvent } from "preact";
import type { DriftPolicy } from "../../../api/drift";
import { api } from "../../../api/session";
import { decimal, duration } from "../../../format/number";
import { t } from "../../../i18n";
import { failureText } from "../../../shell/failure";
import { language } from "../../../store/preferences";
import { role } from "../../../store/session";
import { changeOf, FIGURE_NAMES, FIGURES, FITS, widths, type Draft, type Figure } from "./policy-change";

const SEASONS = ["none", "same_hour_of_week"] as const;

type Course = { kind: "editing" | "saving" | "saved" } | { kind: "failed"; message: string };

interface Props {
  policy: DriftPolicy;
  onChanged: () => void;
}

export function PolicyCard({ policy, onChanged }: Props) {
  const reads = role.value !== null && role.value !== "admin";
  return (
    <details class="card policy">
      <summary>
        <h2>{t("policy.title")}</h2> <span class="quiet">{t("policy.scope")}</span>
      </summary>
      {reads ? <Values policy={policy} /> : <PolicyForm policy={policy} onChanged={onChanged} />}
    </details>
  );
}

function Values({ policy }: { policy: DriftPolicy }) {
  const onOff = (on: boolean): string => t(on ? "policy.on" : "policy.off");
  const values = [
    ["watch", onOff(policy.watch)],
    ...FIGURE_NAMES.map((name) => [name, name === "window_seconds" ? widthName(policy.window_seconds) : decimal(language.value, policy[name] ?? null)] as const),
    ["season", t(`policy.season.${policy.season}`)],
    ["segments", onOff(policy.segments)],
  ] as const;
  return (
    <>
      <p class="quiet">{t("policy.reads")}</p>
      <dl class="policy-fields">
        {values.map(([name, text]) => (
          <div key={name}>
            <dt>{t(`policy.${name}`)}</dt>
            <dd>
              <b>{text}</b>
              <p class="quiet">{t(`policy.${name}Note`)}</p>
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function PolicyForm({ policy, onChanged }: Props) {
  const draft = useSignal<Draft>({});
  const course = useSignal<Course>({ kind: "editing" });
  const change = changeOf(policy, draft.value);
  const idle = Object.keys(change).length === 0 || course.value.kind === "saving";

  const edit = (edits: Draft): void => {
    draft.value = { ...draft.value, ...edits };
    if (course.value.kind !== "saving") course.value = { kind: "editing" };
  };
  const save = async (): Promise<void> => {
    course.value = { kind: "saving" };
    try {
      await api.peek()?.put("/api/v1/drift/policy", change);
      draft.value = {};
      course.value = { kind: "saved" };
      onChanged();
    } catch (error) {
      course.value = { kind: "failed", message: failureText(error) };
    }
  };
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (!idle) void save();
  };
  return (
    <form onSubmit={submit}>
      <div class="policy-fields">
        <Check name="watch" on={draft.value.watch ?? policy.watch} onEdit={edit} />
        {FIGURE_NAMES.map((name) => (
          <Field key={name} name={name}>
            {name === "window_seconds" ? <Width policy={policy} draft={draft} onEdit={edit} /> : <Amount name={name} policy={policy} draft={draft} onEdit={edit} />}
          </Field>
        ))}
        <Field name="season">
          <select id="policy-season" aria-describedby="policy-season-note" value={draft.value.season ?? policy.season} onChange={(event) => edit({ season: SEASONS.find((each) => each === event.currentTarget.value) ?? "none" })}>
            {SEASONS.map((each) => (
              <option key={each} value={each}>
                {t(`policy.season.${each}`)}
              </option>
            ))}
          </select>
        </Field>
        <Check name="segments" on={draft.value.segments ?? policy.segments} onEdit={edit} />
      </div>
      <p class="actions">
        <button type="submit" class="primary" aria-disabled={idle}>
          {t("policy.save")}
        </button>
        <button type="button" aria-disabled={Object.keys(draft.value).length === 0} onClick={() => (draft.value = {})}>
          {t("policy.discard")}
        </button>
        <span role="status">{course.value.kind === "saving" ? t("policy.saving") : course.value.kind === "saved" ? t("policy.saved") : ""}</span>
      </p>
      <p class="problem" role="alert">
        {course.value.kind === "failed" ? t("policy.failed", { message: course.value.message }) : ""}
      </p>
    </form>
  );
}

function Check({ name, on, onEdit }: { name: "watch" | "segments"; on: boolean; onEdit: (edits: Draft) => void }) {
  return (
    <div>
      <label class="radio">
        <input type="checkbox" checked={on} aria-describedby={`policy-${name}-note`} onChange={(event) => onEdit({ [name]: event.currentTarget.checked })} />
        {t(`policy.${name}`)}
      </label>
      <p class="quiet" id={`policy-${name}-note`}>
        {t(`policy.${name}Note`)}
      </p>
    </div>
  );
}

function Field({ name, children }: { name: Figure | "season"; children: ComponentChildren }) {
  return (
    <div>
      <label class="field" for={`policy-${name}`}>
        {t(`policy.${name}`)}
      </label>
      {children}
      <p class="quiet" id={`policy-${name}-note`}>
        {t(`policy.${name}Note`)}
      </p>
    </div>
  );
}

interface EditProps {
  policy: DriftPolicy;
  draft: Signal<Draft>;
  onEdit: (edits: Draft) => void;
}

const widthName = (seconds: number | null): string => (seconds === null || seconds === FITS ? t("policy.window_fits") : duration(language.value, seconds));

function Width({ policy, draft, onEdit }: EditProps) {
  return (
    <select
      id="policy-window_seconds"
      aria-describedby="policy-window_seconds-note"
      value={draft.value.window_seconds ?? String(policy.window_seconds ?? FITS)}
      onChange={(event) => onEdit({ window_seconds: event.currentTarget.value })}
    >
      {widths(policy.window_seconds ?? FITS).map((width) => (
        <option key={width} value={String(width)}>
          {widthName(width)}
        </option>
      ))}
    </select>
  );
}

function Amount({ name, policy, draft, onEdit }: EditProps & { name: Figure }) {
  const { least, most, step } = FIGURES[name];
  return (
    <input
      id={`policy-${name}`}
      type="number"
      inputMode="decimal"
      required
      min={least}
      max={most ?? undefined}
      step={step}
      aria-describedby={`policy-${name}-note`}
      value={draft.value[name] ?? String(policy[name])}
      onInput={(event) => onEdit({ [name]: event.currentTarget.value })}
    />
  );
}
