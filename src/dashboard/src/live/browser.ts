/** The browser's own socket, clock and chance, as `Connection` wants them. */

import type { Socket, World } from "./connection";

/** `token` travels as a subprotocol because a browser cannot set headers on a WebSocket. Throws where it is not a valid one. */
export function browserWorld(token: string): World {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return {
    open: () => new WebSocket(`${scheme}//${location.host}/ws`, ["tidewatch.v1", `tidewatch.token.${token}`]) as unknown as Socket,
    now: () => Date.now(),
    random: () => Math.random(),
    after: (ms, run) => window.setTimeout(run, ms),
    cancel: (timer) => window.clearTimeout(timer),
  };
}

/** Whether `token` can be a WebSocket subprotocol at all: RFC 9110 `token` characters only. */
export const isCarriable = (token: string): boolean => /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(token);
