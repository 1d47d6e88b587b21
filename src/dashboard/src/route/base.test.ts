import { expect, test } from "vitest";
import { at, baseOf, within } from "./base";

test("the base is the folder above the built files, and the root where nothing is built", () => {
  expect(baseOf("https://host/assets/index-1a2b.js")).toBe("/");
  expect(baseOf("https://host/tidewatch/assets/index-1a2b.js")).toBe("/tidewatch/");
  expect(baseOf("https://host/a/assets/b/assets/index-1a2b.js")).toBe("/a/assets/b/");
  expect(baseOf("http://localhost:5173/src/route/base.ts")).toBe("/");
  expect(baseOf("file:///home/me/src/route/base.ts")).toBe("/");
});

test("an address below a proxy's path is read back as it was ours", () => {
  for (const path of ["/", "/analysis", "/models/a%2Fb", "/api/v1/models?q=x"]) {
    expect(within(at(path, "/tidewatch/"), "/tidewatch/")).toBe(path);
    expect(at(path, "/")).toBe(path);
  }
  expect(at("/ws", "/tidewatch/")).toBe("/tidewatch/ws");
  expect(within("/tidewatch", "/tidewatch/")).toBe("/");
});
