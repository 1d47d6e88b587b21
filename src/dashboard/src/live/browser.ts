/** The browser's own socket, clock and chance, as `Connection` wants them. */

import { at } from "../route/base";
import type { Socket, World } from "./connection";

/** The cookie of the session goes with the handshake. */
export function browserWorld(): World {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return {
    open: () => new WebSocket(`${scheme}//${location.host}${at("/ws")}`, ["tidewatch.v1"]) as unknown as Socket,
    now: () => Date.now(),
    random: () => Math.random(),
    after: (ms, run) => window.setTimeout(run, ms),
    cancel: (timer) => window.clearTimeout(timer),
  };
}
