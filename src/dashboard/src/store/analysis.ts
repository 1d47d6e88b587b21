/** What is out of the ordinary, as the server last said; every page keeps it up, for the count beside the page's name. */

import { computed, effect, signal } from "@preact/signals";
import type { Analysis } from "../api/analysis";
import type { Subscription } from "../live/connection";
import { route } from "../route/route";
import { signedIn } from "./session";

/** `null` until the server has said anything. */
export const analysis = signal<Analysis | null>(null);

/** The newest sums; every page has them. */
const sums = signal<Pick<Analysis, "epoch" | "position" | "summary"> | null>(null);

/** Findings that are open. */
export const open = computed(() => sums.value?.summary.open ?? 0);

/** Nothing of one person's session is left for the next. */
effect(() => {
  if (signedIn.value) return;
  analysis.value = null;
  sums.value = null;
});

/** Each answer is whole; of two of one epoch the one of the later position counts. */
export const newer = <T extends Pick<Analysis, "epoch" | "position">>(held: T | null, next: T): T =>
  held !== null && held.epoch === next.epoch && next.position < held.position ? held : next;

/** Findings that the page of findings is told of; the API lists more. */
const ROWS = 200;

export const analysisSubscription: Subscription = {
  channel: "ai-analysis",
  place: () => null,
  extra: () => ({ rows: readsFindings() ? ROWS : 0 }),
  onFrame: (frame) => {
    const data = frame.data as Partial<Analysis>;
    if (data.summary === undefined || data.items === undefined || data.together === undefined) return "dropped";
    sums.value = newer(sums.peek(), data as Analysis);
    if (readsFindings()) analysis.value = newer(analysis.peek(), data as Analysis);
    return "applied";
  },
};

const readsFindings = (): boolean => route.peek().page === "analysis";
