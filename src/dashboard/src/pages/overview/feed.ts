/** The models of the overview, kept between visits so that coming back resumes instead of starting over. */

import { effect, signal } from "@preact/signals";
import type { Subscription } from "../../live/connection";
import { foldModels, noModels } from "../../store/models";
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
      return verdict;
    },
  };
}
