// The page of findings: with answers and frames of the server's shape put in its mouth, so that what was found is ours to say and to change,
// and once with what the server finds itself.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openHouse, until } from "./house.mjs";
import { launch, violations, visit } from "./visitor.mjs";

const PATIENCE_MS = 20_000;
const HOSTILE = `<img src=x onerror="alert('owned')"> & "co"`;

let house;
let browser;

before(async () => {
  // without an agent nothing is watched, however long the tests before take
  house = await openHouse({ demo: false, agent: false });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await house?.close();
});

const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

const finding = (id, fields = {}) => ({
  id,
  kind: "anomaly",
  about: "source",
  name: "web-01",
  series: { name: "cpu_usage_percent", labels: { core: "0" }, unit: "percent" },
  state: "open",
  severity: "warning",
  started_at: ago(10),
  ended_at: null,
  last_at: ago(0),
  value: 97,
  expected: 45,
  low: 30,
  high: 60,
  score: 6.2,
  change_per_hour: null,
  limit_at: null,
  text: `cpu_usage_percent of ${fields.name ?? "web-01"} is 97 %; 30 to 60 % was expected.`,
  ...fields,
});

const leak = finding("leak", {
  kind: "leak",
  severity: "critical",
  name: "db-01",
  started_at: ago(200),
  series: { name: "memory_bytes", labels: {}, unit: "bytes" },
  value: 7.2e9,
  expected: null,
  low: null,
  high: null,
  score: 8.1,
  change_per_hour: 2.4e8,
  limit_at: ago(-180),
  text: "memory_bytes of db-01 keeps rising by 240 MB an hour.",
});
const drift = finding("drift", { kind: "drift", about: "model", name: HOSTILE, series: { name: "feature/amount", labels: { version: "v1" }, unit: null }, value: null, expected: null, low: null, high: null, score: 0.41, text: "amount has drifted." });
const silence = finding("silence", { kind: "silence", severity: "critical", name: "edge-09", started_at: ago(400), series: null, value: null, expected: null, low: null, high: null, score: null, text: "edge-09 has sent no sample." });
const moved = ["m1", "m2", "m3"].map((id, nth) => finding(id, { name: `web-0${nth + 1}`, kind: "shift", started_at: ago(30 - nth) }));
const over = finding("over", { state: "closed", started_at: ago(90), ended_at: ago(60), name: "cache-01" });

function analysis(findings, together = [], fields = {}) {
  const open = findings.filter((each) => each.state === "open");
  const by_kind = Object.fromEntries(["anomaly", "shift", "leak", "trend", "silence"].map((kind) => [kind, open.filter((each) => each.kind === kind).length]));
  return { position: 1, epoch: 1, at: ago(0), summary: { watched_series: 412, learning_series: 7, unwatched_series: 0, open: open.length, critical: 0, by_kind }, items: findings, next: null, together, ...fields };
}

const BUSY = analysis([leak, silence, finding("a", { started_at: ago(3) }), drift, ...moved, over], [{ started_at: ago(30), first: "m1", findings: ["m2", "m1", "m3"], sources: 3, correlation: 0.93 }]);

/** Opens `path` with `first` as what the server says; `say` has it say something else, over the socket. */
async function open(first, path = "/analysis", options = {}) {
  const visitor = await visit(browser, house, options);
  let socket = null;
  const frame = (type, data) => JSON.stringify({ type, channel: "ai-analysis", epoch: data.epoch, position: data.position, timestamp: ago(0), data });
  await visitor.page.route("**/api/v1/analysis?*", (route) => route.fulfill({ json: first }));
  await visitor.page.routeWebSocket(/\/ws$/, (page) => {
    const server = page.connectToServer();
    socket = page;
    page.onMessage((text) => {
      const asked = JSON.parse(text);
      if (asked.channel !== "ai-analysis") server.send(text);
      else if (asked.op === "subscribe") page.send(frame("snapshot", first));
    });
  });
  await visitor.signIn(path);
  return { ...visitor, say: (data) => socket.send(frame("change", data)) };
}

const rows = (page) => page.locator("section[aria-labelledby=open-title] tr[data-finding], tr[data-group]");
const idsOf = async (page) => page.locator("section[aria-labelledby=open-title] tbody tr").evaluateAll((list) => list.map((row) => row.dataset.finding ?? `group ${row.dataset.group}`));

async function openBusy(options) {
  const visitor = await open(BUSY, "/analysis", options);
  await until(PATIENCE_MS, async () => 4 <= (await rows(visitor.page).count()));
  return visitor;
}

describe("the page of findings", () => {
  test("tells the worst first, each with its kind, its place, its value against what was expected, and since when", async () => {
    const { page, leave } = await openBusy();
    assert.deepEqual(await idsOf(page), ["leak", "silence", "a", "drift", "group m1"]);
    const first = page.locator('tr[data-finding="leak"]');
    assert.match(await first.textContent(), /CriticalLeak.*db-01.*memory_bytes.*7\.2 GB.*keeps rising by 240 MB an hour.*Reaches its limit.*\+240 MB an hour · Mann–Kendall z = 8\.1/);
    const second = page.locator('tr[data-finding="a"]');
    assert.match(await second.textContent(), /WarningAnomaly.*cpu_usage_percent \{core="0"\}.*97%expected 30–60%.*6\.2\d? usual deviations above what was expected/);
    assert.equal(await second.locator(".range-bar .band").count(), 1);
    assert.match(await page.locator(".summary").textContent(), /Open7Anomaly1Shift3Leak1Trend0Silence1Refused0Drift1Series watched4127 more are being learned/);
    assert.match(await page.getByRole("region", { name: "Over" }).textContent(), /cache-01/);
    assert.match(await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: /Analysis/ }).textContent(), /7 open/);
    await leave();
  });

  test("unfolds what moved together from the keyboard, with the one that moved first", async () => {
    const { page, leave } = await openBusy();
    const fold = page.getByRole("button", { name: "3 findings that began together in 3 places" });
    assert.equal(await fold.getAttribute("aria-expanded"), "false");
    await fold.press("Enter");
    assert.equal(await fold.getAttribute("aria-expanded"), "true");
    assert.deepEqual((await idsOf(page)).slice(-3), ["m1", "m2", "m3"]);
    assert.match(await page.locator('tr[data-finding="m1"] th').textContent(), /moved first/);
    assert.equal(await page.locator('tr[data-finding="m2"] .tag').count(), 0);
    await leave();
  });

  test("filters by kind and by name, says so in the address, and finds nothing in words", async () => {
    const { page, leave } = await openBusy();
    await page.getByRole("button", { name: /^Leak/ }).click();
    await until(PATIENCE_MS, async () => (await idsOf(page)).join() === "leak");
    assert.equal(new URL(page.url()).searchParams.get("kind"), "leak");
    await page.getByRole("searchbox").fill("WEB-0");
    await page.getByText("No open finding matches this filter.").waitFor();
    await page.getByRole("button", { name: "Clear filter" }).click();
    await until(PATIENCE_MS, async () => 4 <= (await idsOf(page)).length);
    await leave();
  });

  test("is live, and takes neither focus nor scroll from anyone", async () => {
    const { page, say, leave } = await openBusy({ viewport: { width: 1200, height: 420 } });
    const fold = page.getByRole("button", { name: /began together/ });
    await fold.focus();
    await page.keyboard.press("Enter");
    const place = () => fold.evaluate((button) => Math.round(button.getBoundingClientRect().top));
    const before = await place();
    say({ ...BUSY, position: 2, items: [finding("newest", { severity: "critical", started_at: ago(0), name: "api-07" }), ...BUSY.items] });
    await page.locator('tr[data-finding="newest"]').waitFor({ timeout: PATIENCE_MS });
    assert.equal((await idsOf(page))[0], "newest");
    assert.ok(await fold.evaluate((button) => button === document.activeElement));
    assert.ok(Math.abs((await place()) - before) <= 2, `moved by ${(await place()) - before}`);
    assert.equal(await fold.getAttribute("aria-expanded"), "true");
    await leave();
  });

  test("leads to the drift of a model, whatever its name holds", async () => {
    const { page, leave } = await open(BUSY, "/analysis", { tolerate: /404/ });
    await page.getByRole("link", { name: HOSTILE, exact: true }).click();
    await page.getByRole("heading", { level: 1, name: HOSTILE, exact: true }).waitFor({ timeout: PATIENCE_MS });
    const url = new URL(page.url());
    assert.equal(url.pathname, `/models/${encodeURIComponent(HOSTILE)}`);
    assert.deepEqual(["tab", "column", "version"].map((name) => url.searchParams.get(name)), ["drift", "feature/amount", "v1"]);
    assert.equal(await page.locator("main img").count(), 0);
    await leave();
  });

  test("says what is watched where nothing is out of the ordinary, and where nothing is watched", async () => {
    const calm = await open(analysis([]));
    await calm.page.getByText("Nothing is out of the ordinary").waitFor({ timeout: PATIENCE_MS });
    await calm.page.getByText("412 series are watched").waitFor();
    assert.deepEqual(await violations(calm.page), []);
    await calm.leave();
    const empty = await open(analysis([], [], { summary: { watched_series: 0, learning_series: 0, unwatched_series: 0, open: 0, critical: 0, by_kind: {} } }));
    await empty.page.getByText("Nothing is watched yet").waitFor({ timeout: PATIENCE_MS });
    await empty.leave();
  });
});

/** Samples of half an hour up to now, with a spike at its end, as a server in trouble sends them. */
async function publishBusy(source) {
  const start = Math.floor(Date.now() / 30_000) * 30_000 - 30 * 60_000;
  const samples = Array.from({ length: 60 }, (_, round) => ({
    source,
    at: new Date(start + round * 30_000).toISOString(),
    metrics: [{ name: "cpu", unit: "percent", value: round < 50 ? 20 + (round % 3) : 95 }],
  }));
  const answer = await fetch(`${house.url}/api/v1/publish/sample/${source}?wait=applied`, {
    method: "POST",
    headers: { Authorization: `Bearer ${house.token}`, "Content-Type": "application/json" },
    body: JSON.stringify(samples),
  });
  assert.ok(answer.ok, `publish answered ${answer.status}`);
}

test("what a real server finds comes to the page by itself, and what began together is one entry", async () => {
  const { page, signIn, leave } = await visit(browser, house, {});
  await signIn("/analysis");
  await page.getByText("Nothing is watched yet").waitFor({ timeout: PATIENCE_MS });
  await publishBusy("busy-01");
  const row = page.locator("tr[data-finding]").filter({ hasText: "busy-01" });
  await row.waitFor({ timeout: 2 * PATIENCE_MS });
  assert.match(await row.textContent(), /CriticalAnomaly.*busy-01 *cpu.*95%expected [\d.]+–[\d.]+%.*usual deviations above what was expected/);
  assert.match(await page.locator(".summary").textContent(), /Open1Anomaly1/);
  await publishBusy("busy-02");
  const fold = page.getByRole("button", { name: "2 findings that began together in 2 places" });
  await fold.waitFor({ timeout: 3 * PATIENCE_MS });
  await fold.click();
  assert.match(await page.locator("tr[data-finding]").filter({ hasText: "busy-01" }).locator("th").textContent(), /moved first/);
  assert.deepEqual(await violations(page), []);
  await leave();
});

test("the overview tells how many findings are open", async () => {
  const { page, say, leave } = await open(BUSY, "/");
  const link = page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: /Analysis/ });
  await until(PATIENCE_MS, async () => (await link.textContent()) === "Analysis 7 open");
  say({ ...analysis([leak]), position: 2 });
  await until(PATIENCE_MS, async () => (await link.textContent()) === "Analysis 1 open");
  await link.click();
  await page.locator('tr[data-finding="leak"]').waitFor({ timeout: PATIENCE_MS });
  assert.equal(await page.locator('nav a[aria-current="page"]').textContent(), "Analysis 1 open");
  await leave();
});

describe("for everyone", () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const locale of ["en-US", "ko-KR"]) {
      test(`it passes axe in the ${colorScheme} theme in ${locale}, folded and unfolded, wide and narrow`, async () => {
        for (const width of [1360, 390]) {
          const { page, leave } = await openBusy({ colorScheme, locale, viewport: { width, height: 900 } });
          assert.deepEqual(await violations(page), []);
          await page.locator(".group button").click();
          await page.locator('tr[data-finding="m3"]').waitFor();
          assert.deepEqual(await violations(page), []);
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
          await leave();
        }
      });
    }
  }

  test("it speaks Korean, and builds the sentences itself", async () => {
    const { page, leave } = await openBusy({ locale: "ko-KR" });
    await page.getByText("진행 중인 발견 사항").first().waitFor({ timeout: PATIENCE_MS });
    assert.match(await page.locator('tr[data-finding="a"] .c-what').textContent(), /값이 97%입니다\. 예상 범위는 30–60%입니다\./);
    await leave();
  });
});
