import { expect, test } from "vitest";
import { driftPath, driftWindowsPath } from "../../api/paths";
import { tabAfter } from "./tabs";
import { parseAgainst, parseTab } from "./view";

test("an address names its tab, and any other word is performance", () => {
  expect(parseTab(new URLSearchParams("tab=quality"))).toBe("quality");
  expect(parseTab(new URLSearchParams("tab=<script>"))).toBe("performance");
  expect(parseTab(new URLSearchParams(""))).toBe("performance");
});

test("drift is compared with the reference unless the address names something else that there is", () => {
  expect(parseAgainst(new URLSearchParams("against=same_hour_of_week"))).toBe("same_hour_of_week");
  expect(parseAgainst(new URLSearchParams("against=yesterday"))).toBe("reference");
  expect(parseAgainst(new URLSearchParams(""))).toBe("reference");
});

test("arrow keys go round the tabs, Home and End to the ends", () => {
  expect(tabAfter("performance", "ArrowLeft")).toBe("segments");
  expect(tabAfter("segments", "ArrowRight")).toBe("performance");
  expect(tabAfter("drift", "End")).toBe("segments");
  expect(tabAfter("drift", "Home")).toBe("performance");
  expect(tabAfter("drift", "ArrowDown")).toBeNull();
});

test("drift is asked for by what is given, and names stay what they are", () => {
  const plain = { version: null, segment: null, from: null, to: null, against: null };
  expect(driftPath("a/b", plain)).toBe("/api/v1/models/a%2Fb/drift");
  expect(driftPath("m", { ...plain, version: "" })).toBe("/api/v1/models/m/drift");
  expect(driftPath("m", { ...plain, against: "same_hour_of_week" })).toBe("/api/v1/models/m/drift?against=same_hour_of_week");
  const url = new URL(driftWindowsPath("m", { ...plain, segment: "region:a&b", resolution: 3600 }), "http://house");
  expect([url.pathname, url.searchParams.get("segment"), url.searchParams.get("resolution")]).toEqual(["/api/v1/models/m/drift/windows", "region:a&b", "1h"]);
});
