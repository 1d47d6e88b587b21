import { expect, test } from "vitest";
import { Connection, type ConnectionState, type Place, type Socket, type World } from "./connection";
import type { DataFrame } from "./frames";

/** A world in which the test moves time and holds the other end of every socket. */
class TestWorld implements World {
  time = 0;
  sockets: (Socket & { sent: Record<string, unknown>[]; closed: boolean })[] = [];
  private timers: { id: number; at: number; run: () => void }[] = [];
  private ids = 0;

  open = (): Socket => {
    const sent: Record<string, unknown>[] = [];
    const socket = {
      sent,
      closed: false,
      send: (text: string) => void sent.push(JSON.parse(text) as Record<string, unknown>),
      close: () => void (socket.closed = true),
      onopen: null,
      onmessage: null,
      onclose: null,
      onerror: null,
    } as TestWorld["sockets"][number];
    this.sockets.push(socket);
    return socket;
  };
  now = (): number => this.time;
  random = (): number => 0.5;
  after = (ms: number, run: () => void): number => {
    this.timers.push({ id: ++this.ids, at: this.time + ms, run });
    return this.ids;
  };
  cancel = (timer: number): void => {
    this.timers = this.timers.filter((each) => each.id !== timer);
  };

  pass(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.timers.filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.cancel(next.id);
      this.time = next.at;
      next.run();
    }
    this.time = end;
  }

  get socket(): TestWorld["sockets"][number] {
    return this.sockets[this.sockets.length - 1]!;
  }

  say(frame: Record<string, unknown>): void {
    this.socket.onmessage?.({ data: JSON.stringify(frame) });
  }
}

const BEAT = { type: "heartbeat", epoch: 1, position: 5, last_seq: 5, timestamp: "2026-01-01T00:00:00Z" };
const CHANGE = { type: "change", channel: "models", epoch: 1, position: 6, timestamp: "2026-01-01T00:00:00Z", data: { models: [] } };

function start(verdict: "applied" | "resync" = "applied") {
  const world = new TestWorld();
  const states: ConnectionState[] = [];
  const frames: DataFrame[] = [];
  const known: { place: Place | null; refusals: number } = { place: null, refusals: 0 };
  const connection = new Connection(world, {
    subscriptions: [
      {
        channel: "models",
        place: () => known.place,
        onFrame: (frame) => {
          frames.push(frame);
          return verdict;
        },
      },
    ],
    onState: (state) => states.push(state),
    onRefused: () => known.refusals++,
  });
  return { world, states, frames, known, connection };
}

test("a first subscription asks for everything", () => {
  const { world } = start();
  world.socket.onopen?.();
  expect(world.socket.sent).toEqual([{ op: "subscribe", channel: "models" }]);
});

test("after a loss it subscribes from the place it had reached", () => {
  const { world, known } = start();
  world.socket.onopen?.();
  known.place = { after: 42, epoch: 3 };
  world.socket.onclose?.();
  world.pass(1_000);
  world.socket.onopen?.();
  expect(world.sockets).toHaveLength(2);
  expect(world.socket.sent).toEqual([{ op: "subscribe", channel: "models", position: 42, epoch: 3 }]);
});

test("a frame that does not fit makes it subscribe again without a place", () => {
  const { world } = start("resync");
  world.socket.onopen?.();
  world.say(CHANGE);
  expect(world.socket.sent.slice(1)).toEqual([
    { op: "unsubscribe", channel: "models" },
    { op: "subscribe", channel: "models" },
  ]);
});

test("it is live from the first frame and says so once", () => {
  const { world, states, frames } = start();
  world.socket.onopen?.();
  expect(states).toEqual([]);
  world.say(BEAT);
  world.say(CHANGE);
  expect(states).toEqual([{ kind: "live" }]);
  expect(frames).toHaveLength(1);
});

test("silence makes it stale, longer silence makes it reconnect, and a frame makes it live again", () => {
  const { world, states } = start();
  world.socket.onopen?.();
  world.say(BEAT);
  world.pass(12_000);
  expect(states.at(-1)).toEqual({ kind: "stale", since: 0 });
  world.pass(10_000);
  expect(states.at(-1)?.kind).toBe("reconnecting");
  expect(world.sockets[0]?.closed).toBe(true);
  world.socket.onopen?.();
  world.say(BEAT);
  expect(states.at(-1)).toEqual({ kind: "live" });
});

test("it waits longer after every failure, and says since when it is away", () => {
  const { world, states } = start();
  const opened: number[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    world.socket.onclose?.();
    const before = world.sockets.length;
    while (world.sockets.length === before) world.pass(25);
    opened.push(world.time);
  }
  const waits = opened.map((at, index) => at - (opened[index - 1] ?? 0));
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(waits[4]).toBeGreaterThan(waits[0]! * 8);
  expect(states).toEqual([{ kind: "reconnecting", since: 0 }]);
});

test("a socket that never opened makes the owner ask whether the token still holds", () => {
  const { world, known } = start();
  world.socket.onclose?.();
  expect(known.refusals).toBe(1);
  world.pass(1_000);
  world.socket.onopen?.();
  world.socket.onclose?.();
  expect(known.refusals).toBe(1);
});

test("what is no frame is passed over", () => {
  const { world, frames, states } = start();
  world.socket.onopen?.();
  for (const text of ["", "{", "null", "[]", '{"type":"later"}', '{"type":"change","channel":"models"}']) world.socket.onmessage?.({ data: text });
  expect(frames).toEqual([]);
  expect(states).toEqual([]);
});

test("once stopped it stays stopped", () => {
  const { world, connection, states } = start();
  world.socket.onopen?.();
  connection.stop();
  world.pass(60_000);
  expect(world.sockets).toHaveLength(1);
  expect(world.socket.closed).toBe(true);
  expect(states).toEqual([]);
});

test("stopped in the middle of a handshake it closes as soon as there is something to close", () => {
  const { world, connection } = start();
  connection.stop();
  expect(world.socket.closed).toBe(false);
  world.socket.onopen?.();
  expect(world.socket.closed).toBe(true);
  expect(world.socket.sent).toEqual([]);
});
