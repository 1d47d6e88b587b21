// The overview of many models in a real browser: what comes over the wire, how one finds a model, and what Back does.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openHouse, until } from "./house.mjs";
import { launch, violations, visit } from "./visitor.mjs";

const PATIENCE_MS = 20_000;
const MODELS = 400;

let house;
let browser;

before(async () => {
  house = await openHouse({ demo: false });
  browser = await launch();
  for (let first = 0; first < MODELS; first += 200) {
    await publish(Array.from({ length: 200 }, (_, at) => record(first + at, 60)));
  }
  await describe("fleet-7", { owner: "risk", tags: ["card", "kr"] });
  await describe("fleet-8", { tags: ["kr"] });
  await describe("fleet-9", { archived: true });
});
after(async () => {
  await browser?.close();
  await house?.close();
});

const record = (model, secondsAgo) => ({
  model: `fleet-${model}`,
  prediction: "yes",
  actual: model % 3 === 0 ? "no" : "yes",
  confidence: 0.9,
  response_time: 0.05,
  timestamp: new Date(Date.now() - secondsAgo * 1_000).toISOString(),
});

async function send(method, path, body) {
  const headers = { Authorization: `Bearer ${house.token}`, "Content-Type": "application/json" };
  const answer = await fetch(`${house.url}${path}`, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, await answer.text());
}

const publish = (records) => send("POST", "/api/v1/publish/prediction/fleet?wait=applied", records);
const describe = (model, said) => send("PUT", `/api/v1/models/${model}/description`, said);

const rows = (page) => page.locator("table.models tbody tr[data-model]");
const names = (page) => rows(page).evaluateAll((list) => list.map((row) => row.dataset.model));

/** Opens an address and counts what the WebSocket brings. */
async function open(path = "/", options = {}) {
  const visitor = await visit(browser, house, { viewport: { width: 1500, height: 900 }, ...options });
  const heard = { bytes: 0 };
  visitor.page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => (heard.bytes += payload.length)));
  await visitor.signIn(path);
  await until(PATIENCE_MS, async () => 0 < (await rows(visitor.page).count()));
  return { ...visitor, heard };
}

test("only what is in view comes, and what is scrolled to", async () => {
  const { page, heard, leave } = await open("/?sort=name");
  await page.getByText(`399 of 399 models`).waitFor({ timeout: PATIENCE_MS });
  assert.ok((await rows(page).count()) < 60);
  assert.ok(heard.bytes < 150_000, `${heard.bytes} bytes for the first screen`);
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
  await until(PATIENCE_MS, async () => (await names(page)).includes("fleet-399"));
  const before = heard.bytes;
  const feed = [publish(Array.from({ length: MODELS }, (_, model) => record(model, 0)).slice(0, 200))];
  for (let beat = 0; beat < 5; beat++) {
    await Promise.all(feed);
    feed.push(publish(Array.from({ length: 200 }, (_, model) => record(model, 0))));
  }
  await Promise.all(feed);
  // two frames' time: the models that are told of are far above
  await page.waitForTimeout(2_500);
  assert.ok(heard.bytes - before < 40_000, `${heard.bytes - before} bytes while other models changed`);
  await leave();
});

test("a model is found by its tag, its owner and its group, and an archived one when it is asked for", async () => {
  const { page, leave } = await open("/?sort=name");
  await page.getByRole("combobox", { name: "Tag" }).selectOption("kr");
  await until(PATIENCE_MS, async () => (await names(page)).join() === "fleet-7,fleet-8");
  await page.getByRole("button", { name: "risk" }).first().click();
  await until(PATIENCE_MS, async () => (await names(page)).join() === "fleet-7");
  await page.goBack();
  await until(PATIENCE_MS, async () => (await names(page)).join() === "fleet-7,fleet-8");
  await page.getByRole("combobox", { name: "Group by" }).selectOption("tag");
  await until(PATIENCE_MS, async () => (await page.locator("tr.group").allTextContents()).join("|") === "card 1 models|kr 2 models");
  assert.deepEqual(await violations(page), []);
  await page.getByRole("combobox", { name: "Group by" }).selectOption("none");
  await page.getByRole("combobox", { name: "Tag" }).selectOption("");
  await page.getByRole("button", { name: "Archived (1)" }).click();
  await until(PATIENCE_MS, async () => (await names(page)).join() === "fleet-9");
  await leave();
});

test("an owner and tags are given on the page of a model", async () => {
  const { page, signIn, leave } = await visit(browser, house);
  await signIn("/models/fleet-11");
  await page.getByRole("button", { name: "Owner, tags…" }).click({ timeout: PATIENCE_MS });
  await page.getByLabel("Owner").fill("payments");
  await page.getByLabel("Tags, separated by commas").fill("eu, batch");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name: "payments" }).waitFor({ timeout: PATIENCE_MS });
  await page.getByRole("link", { name: "batch" }).click();
  await until(PATIENCE_MS, async () => (await names(page)).join() === "fleet-11");
  await leave();
});

test("Back undoes the last click: a tab, a range, a filter", async () => {
  const { page, leave } = await open("/?sort=name");
  await page.getByRole("button", { name: /^Stale/ }).click();
  await page.goBack();
  assert.equal(new URL(page.url()).searchParams.get("status"), null);
  await rows(page).first().getByRole("link").first().click();
  await page.getByRole("button", { name: "6 h", exact: true }).click({ timeout: PATIENCE_MS });
  await page.getByRole("tab", { name: "Drift" }).click();
  assert.deepEqual([...new URL(page.url()).searchParams.values()].sort(), ["6h", "drift"]);
  await page.goBack();
  assert.equal(new URL(page.url()).search, "?range=6h");
  await page.goBack();
  assert.equal(new URL(page.url()).search, "");
  await page.goBack();
  await until(PATIENCE_MS, async () => 0 < (await rows(page).count()));
  await leave();
});

test("the letters of one word are one step back", async () => {
  const { page, leave } = await open("/?sort=name");
  await page.getByRole("searchbox").pressSequentially("fleet-12");
  await until(PATIENCE_MS, async () => (await names(page))[0] === "fleet-12");
  await page.goBack();
  await until(PATIENCE_MS, async () => (await names(page))[0] === "fleet-0");
  assert.equal(await page.getByRole("searchbox").inputValue(), "");
  await leave();
});

test("nothing trains, so no tile says so; the question mark shows the keys; a wrong address is a page", async () => {
  const { page, leave } = await open();
  assert.equal(await page.getByRole("button", { name: /^Training/ }).count(), 0);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await page.getByRole("heading", { level: 1, name: "Analysis" }).waitFor({ timeout: PATIENCE_MS });
  await page.goto(`${house.url}/nope`);
  await page.getByRole("heading", { level: 1, name: "Nothing here" }).waitFor({ timeout: PATIENCE_MS });
  assert.equal(await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "API" }).getAttribute("href"), "/docs/");
  assert.deepEqual(await violations(page), []);
  await leave();
});

test("on a small phone drift is on the cards, compact cards are low, and nothing is out of reach", async () => {
  const { page, leave } = await open("/?sort=name", { viewport: { width: 390, height: 844 } });
  assert.ok(await rows(page).first().locator("td.drift").isVisible());
  assert.deepEqual(await violations(page), []);
  const high = await rows(page).first().evaluate((row) => row.offsetHeight);
  await page.getByRole("button", { name: "Compact" }).click();
  await until(PATIENCE_MS, async () => (await rows(page).first().evaluate((row) => row.offsetHeight)) < high);
  assert.deepEqual(await violations(page), []);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
  await leave();
});
