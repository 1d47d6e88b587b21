/** The policy of retraining: shown to everybody, changed by admins. */

import { useState } from "preact/hooks";
import type { TargetedEvent } from "preact";
import { POLICY_PATH, type Policy } from "../../api/retraining";
import { api } from "../../api/session";
import { t } from "../../i18n";
import { failureText } from "../../shell/failure";
import { role } from "../../store/session";
import { changeOf, draftOf, FLAGS, GATES, MODES, NUMBERS, type Draft } from "./policy-draft";

export function PolicyCard({ policy }: { policy: Policy }) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(policy));
  const [told, setTold] = useState<{ text: string; bad: boolean } | null>(null);
  const mayChange = role.value === "admin";
  const change = changeOf(policy, draft);
  const save = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (change === null) return;
    void api
      .peek()
      ?.put<Policy>(POLICY_PATH, change)
      .then(() => setTold({ text: t("retrain.saved"), bad: false }))
      .catch((error: unknown) => setTold({ text: failureText(error), bad: true }));
  };
  const own = Object.keys(policy.model_configs);
  return (
    <section>
      <h2 id="retrain-policy">{t("retrain.policy")}</h2>
      <p class="quiet">{t("retrain.policyExplained")}</p>
      {own.length === 0 ? null : <p class="quiet">{t("retrain.own", { models: own.join(", ") })}</p>}
      <form class="card policy-form" aria-labelledby="retrain-policy" onSubmit={save}>
        <fieldset disabled={!mayChange}>
          {FLAGS.map((name) => (
            <label key={name} class="radio">
              <input
                type="checkbox"
                checked={draft.flags[name]}
                onChange={(event) => setDraft({ ...draft, flags: { ...draft.flags, [name]: event.currentTarget.checked } })}
              />
              {t(`retrain.${name}`)}
            </label>
          ))}
          <label class="field">
            {t("retrain.mode")}
            <select value={draft.mode} onChange={(event) => setDraft({ ...draft, mode: event.currentTarget.value as Draft["mode"] })}>
              {MODES.map((mode) => (
                <option key={mode} value={mode}>
                  {t(`retrain.mode.${mode}`)}
                </option>
              ))}
            </select>
          </label>
          {NUMBERS.map((name) => (
            <Figure key={name} label={t(`retrain.${name}`)} value={draft.numbers[name]!} onInput={(text) => setDraft({ ...draft, numbers: { ...draft.numbers, [name]: text } })} />
          ))}
          {GATES.map((name) => (
            <Figure key={name} label={t(`retrain.gate.${name}`)} value={draft.gates[name]!} onInput={(text) => setDraft({ ...draft, gates: { ...draft.gates, [name]: text } })} />
          ))}
        </fieldset>
        {mayChange ? (
          <p class="actions">
            <button type="submit" class="primary" aria-disabled={change === null}>
              {t("retrain.save")}
            </button>
            <span role="status" class={told?.bad === true ? "problem" : "quiet"}>
              {told?.text ?? ""}
            </span>
          </p>
        ) : null}
      </form>
    </section>
  );
}

function Figure({ label, value, onInput }: { label: string; value: string; onInput: (text: string) => void }) {
  return (
    <label class="field">
      {label}
      <input type="number" step="any" required value={value} onInput={(event) => onInput(event.currentTarget.value)} />
    </label>
  );
}
