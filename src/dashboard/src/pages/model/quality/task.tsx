/** Whether the values of a model are classes or quantities, who says so, and which values do not fit. */

import { useSignal } from "@preact/signals";
import { ROLES } from "../../../api/client";
import { taskPath } from "../../../api/paths";
import { api } from "../../../api/session";
import type { ModelSummary, TaskChoice, TaskDecision, Unfit } from "../../../api/types";
import { count } from "../../../format/number";
import { t } from "../../../i18n";
import { failureText } from "../../../shell/failure";
import { Moment } from "../../../shell/time";
import { language } from "../../../store/preferences";
import { role } from "../../../store/session";

const CHOICES: readonly TaskChoice[] = ["automatic", "classification", "regression"];

export function TaskCard({ model }: { model: ModelSummary }) {
  const decision = model.task_decision;
  if (decision === undefined) return null;
  return (
    <section class="card" aria-labelledby="task-title" data-testid="task">
      <div class="section-head">
        <h2 id="task-title">{t("taskCard.title")}</h2>
        <TaskChooser model={model.name} decision={decision} />
      </div>
      <div class="pad">
        <p>
          <b>{t(`task.${decision.task}`)}</b> · {t(`taskCard.from.${decision.from}`, { n: count(language.value, decision.rows) })}
          {decision.reading === null ? null : <> · {t(`taskCard.reading.${decision.reading}`)}</>}
        </p>
        <UnfitValues side="predictions" of={decision.predictions} />
        <UnfitValues side="labels" of={decision.labels} />
        {decision.quoted_numbers == null ? null : (
          <p class="problem" data-quoted>
            {t("taskCard.quoted", { n: count(language.value, decision.quoted_numbers.count), of: count(language.value, decision.quoted_numbers.of) })}{" "}
            {decision.quoted_numbers.examples.map((example) => (
              <code key={example}>{JSON.stringify(example)} </code>
            ))}
          </p>
        )}
        {decision.changes.map((change) => (
          <p key={change.at} class="drift-text">
            {t("taskCard.changed", { version: change.version ?? t("taskCard.noVersion"), from: t(`task.${change.from}`), to: t(`task.${change.to}`) })} <Moment at={change.at} />
          </p>
        ))}
        {(decision.alike ?? []).map((names) => (
          <p key={names.join("\n")} class="problem" data-alike>
            {t("taskCard.alike")}{" "}
            {names.map((name) => (
              <code key={name}>{JSON.stringify(name).replaceAll("\\\\", "\\")} </code>
            ))}
          </p>
        ))}
        {decision.predictions.count + decision.labels.count === 0 ? <p class="quiet">{t("taskCard.allFit")}</p> : null}
      </div>
    </section>
  );
}

function UnfitValues({ side, of }: { side: "predictions" | "labels"; of: Unfit }) {
  if (of.count === 0) return null;
  const [n, all] = [count(language.value, of.count), count(language.value, of.of)];
  return (
    <p class="problem" data-unfit={side}>
      {t(`taskCard.unfit.${side}`, { n, of: all })} {of.examples.map((example) => <code key={example}>{example} </code>)}
    </p>
  );
}

/** Who may publish may also say what the values are. */
function TaskChooser({ model, decision }: { model: string; decision: TaskDecision }) {
  const failed = useSignal<string | null>(null);
  const may = role.value !== null && ROLES.indexOf("operator") <= ROLES.indexOf(role.value);
  const choose = async (task: TaskChoice): Promise<void> => {
    try {
      await api.peek()?.put(taskPath(model), { task });
      failed.value = null;
    } catch (error) {
      failed.value = failureText(error);
    }
  };
  const told: TaskChoice = decision.from === "told" && decision.task !== "unknown" ? decision.task : "automatic";
  return (
    <label class="choice">
      {t("taskCard.choose")}
      <select value={told} disabled={!may} onChange={(event) => void choose(CHOICES.find((each) => each === event.currentTarget.value) ?? "automatic")}>
        {CHOICES.map((each) => (
          <option key={each} value={each}>
            {t(`taskCard.choice.${each}`)}
          </option>
        ))}
      </select>
      <span class="problem" role="alert">
        {failed.value === null ? "" : t("taskCard.failed", { message: failed.value })}
      </span>
    </label>
  );
}
