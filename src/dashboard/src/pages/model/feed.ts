/**
 * The windows on screen: read once over HTTP, then kept up to date. One-minute windows of the whole model come over the
 * WebSocket; wider ones and those of a version or segment cannot be merged from what it sends (an interval or a quantile of two
 * windows is not the mean of theirs), so the part that changed is read again.
 */

import { signal } from "@preact/signals";
import type { Window } from "../../api/types";
import { windowsPath, type WindowsQuery } from "../../api/paths";
import type { Api } from "../../api/client";
import type { DataFrame, Epoch } from "../../live/frames";
import { mergeWindows, seconds, type Windows } from "../../store/windows";

/** Milliseconds between two readings of what changed. */
const REREAD_MS = 2_000;

/** How far into the future a producer's clock may be, in seconds. */
const SKEW_MAX = 300;

export interface Request extends Omit<WindowsQuery, "metrics"> {
  metrics: readonly string[];
  follows: boolean;
}

export class WindowsFeed {
  readonly windows = signal<Windows>([]);
  readonly state = signal<"loading" | "ready" | { failed: string }>("loading");
  /** Width in seconds of the windows held: what is drawn, which lags behind what was asked for until the answer is there. */
  readonly resolution = signal(60);

  private request: Request | null = null;
  /** What `windows` is the answer to. */
  private answered: Request | null = null;
  private reading: AbortController | null = null;
  private timer: number | null = null;
  private changedFrom: number | null = null;
  private position = 0;
  /** Whether what is held is of an epoch that has ended. */
  private outdated = false;
  private epoch: Epoch | null = null;
  private appliedSeq = 0;

  constructor(
    private readonly model: string,
    private readonly api: () => Pick<Api, "get"> | null,
  ) {}

  /** Shows `request`; what is held stays on screen until the answer has come. */
  show(request: Request): void {
    this.request = request;
    this.cancelReread();
    void this.readAll(request);
  }

  retry(): void {
    if (this.request !== null) void this.readAll(this.request);
  }

  stop(): void {
    this.reading?.abort();
    this.cancelReread();
  }

  place(): { after: number; epoch: Epoch } | null {
    return this.epoch === null ? null : { after: this.appliedSeq, epoch: this.epoch };
  }

  /** A frame of the channel `windows`. */
  hear(frame: DataFrame): "applied" | "dropped" | "resync" {
    const known = this.epoch === frame.epoch;
    if (known && frame.position < this.appliedSeq) return "dropped";
    if (!known && this.epoch !== null) this.outdate();
    if (!known && frame.type === "change") {
      this.epoch = null;
      return "resync";
    }
    // A snapshot in the middle means that the connection was away, and it only holds the newest windows.
    const again = this.outdated || (known && frame.type === "snapshot");
    this.outdated = false;
    this.epoch = frame.epoch;
    this.appliedSeq = frame.position;
    this.take(windowsIn(frame), frame.position);
    if (again) this.retry();
    return "applied";
  }

  /** Positions of two epochs do not compare: what is held stays on screen, but anything replaces it. */
  private outdate(): void {
    this.outdated = true;
    this.position = 0;
    this.answered = null;
    this.windows.value = this.windows.peek().map((each) => ({ ...each, seq: -1 }));
  }

  private take(incoming: readonly Window[], seq: number): void {
    const request = this.request;
    if (request === null || incoming.length === 0) return;
    if (typeof this.state.peek() === "object") {
      // The server is back: what could not be read is tried again.
      this.timer ??= window.setTimeout(() => {
        this.timer = null;
        this.retry();
      }, REREAD_MS);
      return;
    }
    const to = request.follows ? Infinity : request.to;
    const relevant = incoming.filter((each) => request.from <= seconds(each.end) && seconds(each.start) < to);
    if (relevant.length === 0) return;
    const whole = request.version === null && request.segment === null;
    if (request.resolution === 60 && whole && this.resolution.peek() === 60 && this.state.peek() === "ready") {
      this.windows.value = mergeWindows(this.windows.peek(), relevant, seq, oldest(request), to);
      return;
    }
    const first = Math.min(...relevant.map((each) => seconds(each.start)));
    const bucket = Math.floor(first / request.resolution) * request.resolution;
    this.changedFrom = Math.min(this.changedFrom ?? bucket, bucket);
    this.timer ??= window.setTimeout(() => {
      this.timer = null;
      void this.reread();
    }, REREAD_MS);
  }

  private async readAll(request: Request): Promise<void> {
    this.reading?.abort();
    const reading = (this.reading = new AbortController());
    if (this.windows.peek().length === 0) this.state.value = "loading";
    try {
      const { windows, position } = await this.read(request, request.from, reading.signal);
      if (reading.signal.aborted) return;
      // Frames that came while we were reading know more than the answer.
      const newer = this.answered === request ? this.windows.peek().filter((each) => position < each.seq) : [];
      this.answered = request;
      this.resolution.value = request.resolution;
      this.windows.value = mergeWindows(newer, windows, position, oldest(request), request.follows ? Infinity : request.to);
      this.state.value = "ready";
    } catch (error) {
      if (!reading.signal.aborted) this.state.value = { failed: error instanceof Error ? error.message : String(error) };
    }
  }

  private async reread(): Promise<void> {
    const request = this.request;
    const from = this.changedFrom;
    this.changedFrom = null;
    if (request === null || from === null || this.state.peek() !== "ready") return;
    try {
      const { windows, position } = await this.read(request, from);
      if (request === this.request && this.resolution.peek() === request.resolution) {
        this.windows.value = mergeWindows(this.windows.peek(), windows, position, oldest(request), request.follows ? Infinity : request.to);
      }
    } catch {
      // The next change asks again, and the connection light says if the server is away.
      this.changedFrom = from;
    }
  }

  private async read(request: Request, from: number, signal?: AbortSignal): Promise<{ windows: Window[]; position: number }> {
    const api = this.api();
    if (api === null) return { windows: [], position: this.position };
    const to = request.follows ? Math.max(request.to, Date.now() / 1000) + SKEW_MAX : request.to;
    const { body, position } = await api.get<Window[]>(windowsPath(this.model, { ...request, from, to }), signal);
    this.position = Math.max(this.position, position ?? this.appliedSeq);
    return { windows: body, position: position ?? this.appliedSeq };
  }

  private cancelReread(): void {
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = null;
    this.changedFrom = null;
  }
}

/** Where a range that slides with the present begins now (Unix seconds): a page left open for days must not keep them all. */
const oldest = (request: Request): number =>
  request.follows ? Math.max(request.from, Date.now() / 1000 - (request.to - request.from) - 2 * request.resolution) : request.from;

/** The windows of a frame, whether it carries them alone or under the model's name. */
export function windowsIn(frame: DataFrame): Window[] {
  const data = frame.data as { windows?: Window[]; models?: { windows?: Window[] }[] };
  return data.windows ?? data.models?.flatMap((each) => each.windows ?? []) ?? [];
}
