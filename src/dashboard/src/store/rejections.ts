/** How many records were refused, and whose: looked at again and again while somebody is signed in, for the count beside the page's name. */

import { effect, signal } from "@preact/signals";
import { REJECTIONS_PATH, type Rejections } from "../api/inspector";
import { api } from "../api/session";

const EVERY_MS = 5_000;

/** `null` until the server has said anything. */
export const rejections = signal<Rejections | null>(null);

/** Begins to look, and goes on for as long as the page lives. A server that is away is asked again. */
export function watchRejections(): void {
  effect(() => {
    const server = api.value;
    rejections.value = null;
    if (server === null) return;
    const look = (): void => {
      if (document.hidden) return;
      server
        .get<Rejections>(REJECTIONS_PATH)
        .then(({ body }) => {
          if (api.peek() === server) rejections.value = body;
        })
        .catch(() => undefined);
    };
    look();
    const timer = window.setInterval(look, EVERY_MS);
    return () => window.clearInterval(timer);
  });
}
