/** The present, coarse: for "12 s ago" and sliding ranges. Figures never come from here. */

import { signal } from "@preact/signals";

const TICK_MS = 5_000;

export const now = signal(new Date());

export function startClock(): void {
  window.setInterval(() => (now.value = new Date()), TICK_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) now.value = new Date();
  });
}
