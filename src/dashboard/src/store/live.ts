/** How the connection of the page in front is doing; one indicator in the header shows it. */

import { signal } from "@preact/signals";
import type { ConnectionState } from "../live/connection";
import type { Heartbeat } from "../live/frames";

export const connection = signal<ConnectionState>({ kind: "connecting" });
export const heartbeat = signal<Heartbeat | null>(null);
