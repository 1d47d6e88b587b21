/** The models of the overview, kept between visits so that coming back resumes instead of starting over. */

import { effect, signal } from "@preact/signals";
import type { ModelPage } from "../../api/types";
import { modelsPath } from "../../api/paths";
import { api } from "../../api/session";
import type { Subscription } from "../../live/connection";
import { addModels, foldModels, noModels } from "../../store/models";
import { token } from "../../store/session";

/** Milliseconds between changes: quick enough to feel live, slow enough to read. */
const INTERVAL_MS = 500;

export const models = signal(noModels);

/** Nothing of one person's session is left for the next. */
effect(() => {
  if (token.value === null) models.value = noModels;
});

export function overviewSubscription(): Subscription {
  return {
    channel: "models",
    intervalMs: INTERVAL_MS,
    place: () => {
      const { epoch, appliedSeq } = models.peek();
      return epoch === null ? null : { after: appliedSeq, epoch };
    },
    onFrame: (frame) => {
      const { state, verdict } = foldModels(models.peek(), frame);
      models.value = state;
      if (frame.type === "snapshot" && verdict === "applied" && state.byName.size < state.total) void fill();
      return verdict;
    },
  };
}

let filling = false;

/** Reads page by page what a snapshot left out. What cannot be read stays missing and the count says so. */
async function fill(): Promise<void> {
  if (filling) return;
  filling = true;
  try {
    let cursor: string | null = null;
    do {
      const reader = api.peek();
      if (reader === null) return;
      const { body }: { body: ModelPage } = await reader.get<ModelPage>(modelsPath(cursor));
      models.value = addModels(models.peek(), body.items);
      cursor = body.next_cursor;
    } while (cursor !== null && models.peek().byName.size < models.peek().total);
  } catch {
    return;
  } finally {
    filling = false;
  }
}
