/** What a model is judged by: every line with the figure that is compared to it, those of its own with a form, and what its reference suggests. */

import { useSignal } from "@preact/signals";
import { thresholdsPath } from "../../../api/paths";
import { api } from "../../../api/session";
import type { ModelThresholds, ThresholdChange, Threshold } from "../../../api/thresholds";
import type { ModelSummary } from "../../../api/types";
import { t } from "../../../i18n";
import { failureText } from "../../../shell/failure";
import { role } from "../../../store/session";
import { Unread } from "../drift";
import { without } from "./draft";
import { Editor } from "./editor";
import { Exchange } from "./exchange";
import { JudgedTable } from "./judged";
import { Suggestions } from "./suggestions";
import { useModelThresholds } from "./use-thresholds";

/** What one has to do to set or remove thresholds. */
export interface Changing {
  /** The last thing that was done, or why it was not. */
  said: { text: string; failed: boolean };
  set: (thresholds: readonly ThresholdChange[], replace?: boolean) => Promise<boolean>;
  remove: (gone: Threshold) => Promise<boolean>;
}

export function ThresholdsTab({ model }: { model: ModelSummary }) {
  const reading = useModelThresholds(model);
  /** A threshold that there is, or the metric of a new one. */
  const editing = useSignal<Threshold | string | null>(null);
  const { body } = reading;
  const changing = useChanging(model.name, body, reading.retry);
  if (body === null) return <Unread reading={reading} />;
  const may = role.value === null || role.value === "admin";
  return (
    <div class="tab-body thresholds">
      <p class="quiet">{t("thresholds.lead")}</p>
      <JudgedTable
        model={model}
        thresholds={body}
        onEdit={may ? (threshold) => (editing.value = threshold) : null}
        onOwn={(metric) => (editing.value = metric)}
        onRemove={may ? (gone) => void changing.remove(gone) : null}
      />
      {may ? (
        <>
          {editing.value === null ? (
            <p>
              <button type="button" class="primary" onClick={() => (editing.value = "")}>
                {t("thresholds.add")}
              </button>
            </p>
          ) : (
            <Editor
              key={JSON.stringify(editing.value)}
              model={model}
              of={editing.value}
              suggested={body.suggested}
              changing={changing}
              onClose={() => (editing.value = null)}
            />
          )}
          <p class={changing.said.failed ? "problem" : "quiet"} role={changing.said.failed ? "alert" : "status"}>
            {changing.said.text}
          </p>
        </>
      ) : (
        <p class="quiet">{t("thresholds.reads")}</p>
      )}
      <Suggestions thresholds={body} changing={may ? changing : null} />
      <Exchange model={model.name} thresholds={body} changing={may ? changing : null} />
    </div>
  );
}

function useChanging(model: string, held: ModelThresholds | null, reread: () => void): Changing {
  const said = useSignal<Changing["said"]>({ text: "", failed: false });
  const sending = async (send: () => Promise<unknown> | undefined, done: string): Promise<boolean> => {
    try {
      await send();
      said.value = { text: done, failed: false };
      reread();
      return true;
    } catch (error) {
      said.value = { text: t("thresholds.failed", { message: failureText(error) }), failed: true };
      return false;
    }
  };
  const set: Changing["set"] = (thresholds, replace = false) =>
    sending(() => api.peek()?.put(thresholdsPath(model), { thresholds, replace }), t("thresholds.saved"));
  const remove: Changing["remove"] = (gone) => {
    const rest = without(held?.thresholds ?? [], gone);
    // the address names a metric; of two thresholds of one metric the other has to stay
    if (rest.some((each) => each.metric === gone.metric)) return set(rest, true);
    return sending(() => api.peek()?.delete(thresholdsPath(model, gone.metric)), t("thresholds.removed"));
  };
  return { said: said.value, set, remove };
}
