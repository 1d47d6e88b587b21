/** The models of the overview: what is in view is asked for, and only that comes. */

import { effect, signal } from "@preact/signals";
import type { Subscription } from "../../live/connection";
import { foldOverview, noOverview } from "../../store/overview";
import { signedIn } from "../../store/session";
import { selection, type Selection } from "./selection";

/** Milliseconds between changes: quick enough to feel live, slow enough to read. */
const INTERVAL_MS = 1_000;

export const overview = signal(noOverview);

/** The lines that are on screen, and some around them. */
export const inView = signal({ first: 0, rows: 40 });

/** Nothing of one person's session is left for the next. */
effect(() => {
  if (!signedIn.value) overview.value = noOverview;
});

export function overviewSubscription(): Subscription {
  return {
    channel: "overview",
    intervalMs: INTERVAL_MS,
    place: () => null,
    extra: () => ({ list: listOf(selection.peek()), ...inView.peek() }),
    onFrame: (frame) => {
      const { state, verdict } = foldOverview(overview.peek(), frame);
      // an emptied list would flicker until the snapshot is there; only its place is thrown away
      overview.value = verdict === "resync" ? { ...overview.peek(), epoch: null } : state;
      return verdict;
    },
  };
}

/** A selection as the server reads it. */
export function listOf({ text, status, tag, owner, archived, sort, descending, group }: Selection): Record<string, unknown> {
  return {
    q: text.trim(),
    sort: descending ? `-${sort}` : sort,
    group,
    archived,
    ...(status === null ? {} : { status }),
    ...(tag === null ? {} : { tag }),
    ...(owner === null ? {} : { owner }),
  };
}
