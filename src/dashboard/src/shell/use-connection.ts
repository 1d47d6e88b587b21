/** A page's own connection: up while the page is, so frames of one page can never be taken for another's. */

import { useEffect, useRef } from "preact/hooks";
import { api } from "../api/session";
import { browserWorld } from "../live/browser";
import { Connection, type Subscription } from "../live/connection";
import { analysisSubscription } from "../store/analysis";
import { connection, heartbeat } from "../store/live";
import { signedIn } from "../store/session";

/** `subscriptions` is called when the page appears and again when `identity` changes. Gives what subscribes to a channel again. */
export function useConnection(identity: string, subscriptions: () => Subscription[]): (channel: string) => void {
  const open = useRef<Connection | null>(null);
  const isSignedIn = signedIn.value;
  useEffect(() => {
    if (!isSignedIn) return;
    const live = new Connection(browserWorld(), {
      subscriptions: [...subscriptions(), analysisSubscription],
      onState: (state) => (connection.value = state),
      onHeartbeat: (beat) => (heartbeat.value = beat),
      // A refused socket does not say why; if it was the session, this answers 401 and the session ends.
      onRefused: () => void api.peek()?.get("/api/v1/health").catch(() => undefined),
    });
    open.current = live;
    const nudge = (): void => {
      if (!document.hidden) live.nudge();
    };
    window.addEventListener("online", nudge);
    document.addEventListener("visibilitychange", nudge);
    return () => {
      window.removeEventListener("online", nudge);
      document.removeEventListener("visibilitychange", nudge);
      open.current = null;
      live.stop();
    };
  }, [identity, isSignedIn]);
  return (channel) => open.current?.renew(channel);
}
