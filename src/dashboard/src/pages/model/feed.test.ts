import { expect, test, vi } from "vitest";
import type { Api } from "../../api/client";
import type { Window } from "../../api/types";
import { frame, window } from "../../testing";
import { WindowsFeed, type Request } from "./feed";

const START = Date.UTC(2026, 0, 1) / 1000;
const HOUR: Request = { from: START, to: START + 3600, resolution: 60, version: null, segment: null, metrics: ["accuracy"], follows: false };

/** A server that answers what the test has put there, and remembers what it was asked. */
function house(position: number, ...windows: Window[]) {
  const asked: URL[] = [];
  const held = { position, windows };
  const api: Pick<Api, "get"> = {
    get: <T>(path: string) => {
      asked.push(new URL(path, "http://house"));
      return Promise.resolve({ body: held.windows as T, position: held.position });
    },
  };
  return { asked, held, feed: new WindowsFeed("m", () => api) };
}

const settled = (feed: WindowsFeed) => vi.waitFor(() => expect(feed.state.value).toBe("ready"));
const live = (type: "snapshot" | "change", seq: number, windows: Window[], epoch = 1) => frame(type, seq, { model: "m", windows }, epoch, "windows");
const counts = (feed: WindowsFeed): number[] => feed.windows.value.map((each) => each.window.predictions);

test("live windows join those that were read, and newer ones replace them", async () => {
  const { feed } = house(10, window(0), window(1, { closed: false, predictions: 5 }));
  feed.show(HOUR);
  await settled(feed);
  feed.hear(live("snapshot", 11, [window(1, { closed: false, predictions: 7 })]));
  feed.hear(live("change", 12, [window(1, { predictions: 9 }), window(2, { closed: false, predictions: 1 })]));
  expect(counts(feed)).toEqual([60, 9, 1]);
});

test("an answer that is older than a frame does not undo it", async () => {
  const { feed, held } = house(10, window(0));
  feed.show(HOUR);
  await settled(feed);
  feed.hear(live("snapshot", 20, [window(0, { predictions: 99 })]));
  held.position = 15;
  feed.retry();
  await vi.waitFor(() => expect(feed.place()?.after).toBe(20));
  expect(counts(feed)).toEqual([99]);
});

test("a frame out of order is dropped", async () => {
  const { feed } = house(10, window(0));
  feed.show(HOUR);
  await settled(feed);
  feed.hear(live("snapshot", 20, []));
  expect(feed.hear(live("change", 19, [window(0, { predictions: 1 })]))).toBe("dropped");
  expect(counts(feed)).toEqual([60]);
});

test("windows of another epoch replace all that is held, though their positions are lower", async () => {
  const { feed, asked, held } = house(1_000, window(0), window(1));
  feed.show(HOUR);
  await settled(feed);
  feed.hear(live("snapshot", 1_000, [], 1));
  held.position = 7;
  held.windows = [window(0, { predictions: 3 })];
  expect(feed.hear(live("change", 5, [], 2))).toBe("resync");
  expect(feed.place()).toBeNull();
  expect(counts(feed)).toEqual([60, 60]);
  expect(feed.hear(live("snapshot", 6, [], 2))).toBe("applied");
  await vi.waitFor(() => expect(counts(feed)).toEqual([3]));
  expect(asked).toHaveLength(2);
});

test("a snapshot after a break reads the whole range again", async () => {
  const { feed, asked } = house(10, window(0));
  feed.show(HOUR);
  await settled(feed);
  feed.hear(live("snapshot", 11, []));
  expect(asked).toHaveLength(1);
  feed.hear(live("snapshot", 500, []));
  await vi.waitFor(() => expect(asked).toHaveLength(2));
});

test("a failed reading is told and can be tried again", async () => {
  let works = false;
  const api: Pick<Api, "get"> = { get: <T>() => (works ? Promise.resolve({ body: [window(0)] as T, position: 1 }) : Promise.reject(new Error("away"))) };
  const feed = new WindowsFeed("m", () => api);
  feed.show(HOUR);
  await vi.waitFor(() => expect(feed.state.value).toEqual({ failed: "away" }));
  works = true;
  feed.retry();
  await settled(feed);
  expect(counts(feed)).toEqual([60]);
});
