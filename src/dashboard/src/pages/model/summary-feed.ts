/** The summary of the one model on screen. */

import { signal, type Signal } from "@preact/signals";
import type { ModelSummary } from "../../api/types";
import type { Subscription } from "../../live/connection";
import { foldModels, noModels, type Models } from "../../store/models";

export interface SummaryFeed {
  models: Signal<Models>;
  subscription: Subscription;
}

export function summaryFeed(model: string): SummaryFeed {
  const models = signal(noModels);
  return {
    models,
    subscription: {
      channel: "models",
      models: [model],
      intervalMs: 500,
      place: () => {
        const { epoch, appliedSeq } = models.peek();
        return epoch === null ? null : { after: appliedSeq, epoch };
      },
      onFrame: (frame) => {
        const { state, verdict } = foldModels(models.peek(), frame);
        // An emptied state would blank the header until the snapshot is there; only its place is thrown away.
        models.value = verdict === "resync" ? { ...models.peek(), epoch: null } : state;
        return verdict;
      },
    },
  };
}

export const summaryIn = (models: Models, model: string): ModelSummary | null => models.byName.get(model) ?? null;
