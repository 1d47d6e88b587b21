/**
 * One WebSocket to `/ws` that stays up: subscribes, notices silence, comes back with backoff and resumes where it was.
 * Knows nothing of what the channels carry. Clock, timers and socket are handed in, so tests move time.
 */

import { backoffMs } from "./backoff";
import { parseFrame, type DataFrame, type Epoch, type Heartbeat } from "./frames";

export type ConnectionState =
  | { kind: "connecting" }
  | { kind: "live" }
  /** Connected, but the server has been silent for longer than two heartbeats. */
  | { kind: "stale"; since: number }
  | { kind: "reconnecting"; since: number };

export interface Place {
  after: number;
  epoch: Epoch;
}

export interface Subscription {
  channel: string;
  /** Absent means every model. */
  models?: string[];
  intervalMs?: number;
  /** What else the channel is told, asked anew with every subscription. */
  extra?: () => Record<string, unknown>;
  /** Where to resume; `null` asks for a full snapshot. */
  place: () => Place | null;
  /** `resync` throws the place away: the next thing to arrive must be a snapshot. */
  onFrame: (frame: DataFrame) => "applied" | "dropped" | "resync";
}

export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  onerror: (() => void) | null;
}

export interface World {
  open: () => Socket;
  now: () => number;
  random: () => number;
  after: (ms: number, run: () => void) => number;
  cancel: (timer: number) => void;
}

export interface Options {
  subscriptions: Subscription[];
  onState: (state: ConnectionState) => void;
  onHeartbeat?: (beat: Heartbeat) => void;
  /** A socket that never opened does not say why: the owner asks over HTTP whether the token still holds. */
  onRefused?: () => void;
}

/** Heartbeats come every 5 s. */
const STALE_MS = 11_000;
const DEAD_MS = 20_000;

export class Connection {
  private socket: Socket | null = null;
  private state: ConnectionState = { kind: "connecting" };
  private attempt = 0;
  private lostAt: number | null = null;
  private heardAt = 0;
  private timer: number | null = null;
  private stopped = false;
  /** Whether `socket` has been open. */
  private opened = false;

  constructor(
    private readonly world: World,
    private readonly options: Options,
  ) {
    this.connect();
  }

  /** Closes for good. */
  stop(): void {
    this.stopped = true;
    this.drop();
  }

  /** Subscribes again, since what is wanted of the channel has changed. Before the socket is open that happens by itself. */
  renew(channel: string): void {
    const subscription = this.options.subscriptions.find((each) => each.channel === channel);
    if (this.opened && subscription !== undefined) this.subscribe(subscription);
  }

  /** Tries at once, for when the network or the tab has just come back. */
  nudge(): void {
    if (this.stopped || this.state.kind !== "reconnecting" || this.socket !== null) return;
    this.connect();
  }

  private connect(): void {
    this.drop();
    let socket: Socket;
    try {
      socket = this.world.open();
    } catch {
      this.lose();
      return;
    }
    this.socket = socket;
    this.heardAt = this.world.now();
    this.watch();
    socket.onopen = () => {
      this.opened = true;
      for (const subscription of this.options.subscriptions) this.subscribe(subscription);
    };
    socket.onmessage = (event) => {
      if (socket === this.socket && typeof event.data === "string") this.hear(event.data);
    };
    socket.onclose = () => {
      if (socket === this.socket) this.lose();
    };
    socket.onerror = null;
  }

  private hear(text: string): void {
    this.heardAt = this.world.now();
    const frame = parseFrame(text);
    if (frame === null || frame.type === "error") return;
    this.attempt = 0;
    this.lostAt = null;
    this.become({ kind: "live" });
    if (frame.type === "heartbeat") {
      this.options.onHeartbeat?.(frame);
      return;
    }
    const subscription = this.options.subscriptions.find((each) => each.channel === frame.channel);
    if (subscription?.onFrame(frame) === "resync") {
      this.socket?.send(JSON.stringify({ op: "unsubscribe", channel: subscription.channel }));
      this.subscribe(subscription);
    }
  }

  private subscribe(subscription: Subscription): void {
    const place = subscription.place();
    this.socket?.send(
      JSON.stringify({
        op: "subscribe",
        channel: subscription.channel,
        ...(subscription.models ? { models: subscription.models } : {}),
        ...subscription.extra?.(),
        ...(subscription.intervalMs ? { interval_ms: subscription.intervalMs } : {}),
        ...(place ? { position: place.after, epoch: place.epoch } : {}),
      }),
    );
  }

  /** Looks at the silence again when it could next matter. */
  private watch(): void {
    this.timer = this.world.after(1_000, () => {
      const silence = this.world.now() - this.heardAt;
      if (DEAD_MS <= silence) {
        this.lose();
        return;
      }
      if (STALE_MS <= silence && this.state.kind === "live") this.become({ kind: "stale", since: this.heardAt });
      this.watch();
    });
  }

  private lose(): void {
    const refused = !this.opened;
    this.drop();
    if (this.stopped) return;
    if (refused) this.options.onRefused?.();
    if (this.stopped) return;
    this.lostAt ??= this.world.now();
    this.become({ kind: "reconnecting", since: this.lostAt });
    this.timer = this.world.after(backoffMs(this.attempt++, this.world.random()), () => this.connect());
  }

  private drop(): void {
    if (this.timer !== null) this.world.cancel(this.timer);
    this.timer = null;
    const { socket, opened } = this;
    this.socket = null;
    this.opened = false;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    // Closing a socket in the middle of its handshake is an error in a browser's console.
    if (opened) socket.close();
    else socket.onopen = () => socket.close();
  }

  private become(state: ConnectionState): void {
    if (this.state.kind === state.kind && state.kind !== "connecting") return;
    this.state = state;
    this.options.onState(state);
  }
}
