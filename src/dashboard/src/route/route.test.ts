import { expect, test } from "vitest";
import { modelPath, windowsPath } from "../api/paths";
import { parseRange, shownAt } from "../pages/model/view";
import { signInOf } from "../store/session";
import { modelAddress, parseRoute } from "./route";

const HOSTILE = ["<img src=x onerror=alert(1)>", "a/b?c#d%2F", "수요 예측", "../../etc", "\n\"'`${x}", "%", ".", "..", "~.", "~~..", "...", "~"];

test("any name survives the address", () => {
  for (const name of HOSTILE) {
    const address = modelAddress(name);
    expect(new URL(address, "http://house").pathname).toBe(address);
    expect(parseRoute(address)).toEqual({ page: "model", model: name });
  }
});

test("an address that is none of ours is unknown, a broken one too", () => {
  for (const path of ["/other", "/models/a/b", "/models/%E0%A4%A"]) expect(parseRoute(path)).toEqual({ page: "unknown" });
  expect(parseRoute("/")).toEqual({ page: "overview" });
  expect([parseRoute("/analysis"), parseRoute("/analysis/")]).toEqual([{ page: "analysis" }, { page: "analysis" }]);
  expect(parseRoute("/inspector")).toEqual({ page: "inspector" });
  expect(parseRoute("/analysis/x")).toEqual({ page: "unknown" });
});

test("a name stays one step of the API's path and one value of its query", () => {
  const path = windowsPath("a/b?c", { from: 0, to: 60, resolution: 300, version: null, segment: "region:a&b=c", metrics: ["accuracy"] });
  const url = new URL(path, "http://house");
  expect(url.pathname).toBe("/api/v1/models/a%2Fb%3Fc/windows");
  expect(url.searchParams.get("segment")).toBe("region:a&b=c");
  expect(url.searchParams.get("resolution")).toBe("5m");
  expect(new URL(modelPath(".."), "http://house").pathname).toBe("/api/v1/models/~..");
});

test("a token is taken from the fragment only where there is one", () => {
  expect(signInOf("#token=abc%2Bd")).toEqual({ token: "abc+d" });
  expect(signInOf("#login=xyz")).toEqual({ code: "xyz" });
  expect(signInOf("#token=")).toBeNull();
  expect(signInOf("")).toBeNull();
});

test("a range that makes no sense is one hour", () => {
  expect(parseRange(new URLSearchParams("range=9y"))).toEqual({ kind: "named", name: "1h" });
  expect(parseRange(new URLSearchParams("range=custom&from=2026-01-02&to=2026-01-01"))).toEqual({ kind: "named", name: "1h" });
  expect(parseRange(new URLSearchParams("range=24h"))).toEqual({ kind: "named", name: "24h" });
});

test("a named range moves only when a window ends, and a zoom stands still and is finer", () => {
  const day = parseRange(new URLSearchParams("range=24h"));
  expect(shownAt(day, null, 1_000_001)).toEqual(shownAt(day, null, 1_000_150));
  expect(shownAt(day, null, 1_000_001).resolution).toBe(300);
  expect(shownAt(day, { from: 100, to: 3700 }, 1_000_001)).toEqual({ from: 100, to: 3700, resolution: 60, follows: false });
});
