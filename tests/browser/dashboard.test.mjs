// The dashboard in a real browser against a real server: what a person sees, and what must never happen behind it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openHouse, until } from "./house.mjs";
import { launch, violations, visit } from "./visitor.mjs";

const PATIENCE_MS = 20_000;
const HOSTILE = `<img src=x onerror="alert('owned')"> "q" '&amp;' #1/2?`;

let house;
let browser;

before(async () => {
  house = await openHouse();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await house?.close();
});

const rows = (page) => page.locator("table.models tbody tr[data-model]");
const firstChart = (page) => page.getByRole("slider").first();

async function openOverview(options) {
  const visitor = await visit(browser, house, options);
  await visitor.signIn("/");
  await until(PATIENCE_MS, async () => 4 <= (await rows(visitor.page).count()));
  return visitor;
}

/** The model with the most predictions, so that its charts have something to show. */
async function busiestModel() {
  const answer = await fetch(`${house.url}/api/v1/models?limit=50`, { headers: { Authorization: `Bearer ${house.token}` } });
  const { items } = await answer.json();
  return items.reduce((best, each) => (best.predictions < each.predictions ? each : best)).name;
}

async function openModel(options, query = "") {
  const name = await busiestModel();
  const visitor = await visit(browser, house, options);
  await visitor.signIn(`/models/${encodeURIComponent(name)}${query}`);
  await visitor.page.getByRole("heading", { level: 1, name, exact: true }).waitFor({ timeout: PATIENCE_MS });
  return { ...visitor, name };
}

/** How many pixels of a chart's canvas are painted at all. */
const painted = (page) =>
  page
    .locator(".plot canvas")
    .first()
    .evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 3; at < data.length; at += 4) if (data[at] !== 0) count++;
      return count;
    });

async function withCharts(page) {
  await until(PATIENCE_MS, async () => (await page.locator(".chart .readout b").count()) > 0);
  await until(PATIENCE_MS, async () => (await painted(page)) > 500);
}

describe("signing in", () => {
  test("a wrong token is refused in words and the right one leads in", async () => {
    const { page, leave } = await visit(browser, house, { tolerate: /401/ });
    await page.goto(house.url);
    await page.getByLabel("Access token").fill("not-the-token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("does not accept this token").waitFor();
    await page.getByLabel("Access token").fill(house.token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("status").filter({ hasText: "Live" }).waitFor({ timeout: PATIENCE_MS });
    assert.ok(!page.url().includes(house.token));
    await leave();
  });

  test("a token in the address is taken and removed from the address and the history", async () => {
    const { page, leave } = await openOverview();
    assert.equal(page.url(), `${house.url}/`);
    assert.ok(!(await page.evaluate(() => JSON.stringify(performance.getEntriesByType("resource")))).includes(house.token));
    await page.reload();
    await until(PATIENCE_MS, async () => 4 <= (await rows(page).count()));
    await leave();
  });

  test("a token that no longer holds leads back to signing in", async () => {
    const { page, signIn, leave } = await visit(browser, house, { tolerate: /401|WebSocket/ });
    await signIn("/");
    await until(PATIENCE_MS, async () => 4 <= (await rows(page).count()));
    await page.context().clearCookies();
    await page.reload();
    await page.getByText("has expired or was revoked").waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("whoever signed in once is signed in in every tab, and signs out of all", async () => {
    const { page, leave } = await openOverview();
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.ok(!kept.includes(house.token), "no script can read the token");
    const second = await page.context().newPage();
    await second.goto(`${house.url}/analysis`);
    await second.getByRole("status").filter({ hasText: "Live" }).waitFor({ timeout: PATIENCE_MS });
    await second.getByRole("button", { name: "Sign out" }).click();
    await second.getByLabel("Access token").waitFor();
    await page.getByLabel("Access token").waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("a link signs another browser in, once", async () => {
    const made = await fetch(`${house.url}/api/v1/session/links`, { method: "POST", headers: { Authorization: `Bearer ${house.token}` } });
    const { path } = await made.json();
    const first = await visit(browser, house);
    await first.page.goto(`${house.url}${path}`);
    await until(PATIENCE_MS, async () => 4 <= (await rows(first.page).count()));
    assert.equal(first.page.url(), `${house.url}/`);
    await first.leave();
    const second = await visit(browser, house, { tolerate: /401/ });
    await second.page.goto(`${house.url}${path}`);
    await second.page.getByText("This link was used already").waitFor({ timeout: PATIENCE_MS });
    await second.leave();
  });
});

describe("the overview", () => {
  test("shows the demo's models and is live: a figure changes by itself", async () => {
    const { page, leave } = await openOverview();
    await page.getByRole("status").filter({ hasText: "Live" }).waitFor({ timeout: PATIENCE_MS });
    const figures = () => page.locator("table.models tbody .value, table.models tbody .n").allTextContents();
    const first = (await figures()).join();
    await until(PATIENCE_MS, async () => (await figures()).join() !== first);
    for (const label of ["last 5 min", "last 60 min"]) assert.ok(0 < (await page.locator("thead").getByText(label).count()));
    await leave();
  });

  test("filters by name, says so in the address, and finds nothing in words", async () => {
    const { page, leave } = await openOverview();
    const name = await rows(page).first().getAttribute("data-model");
    await page.getByRole("searchbox").fill(name);
    await until(PATIENCE_MS, async () => (await rows(page).first().getAttribute("data-model")) === name);
    assert.equal(new URL(page.url()).searchParams.get("q"), name);
    await page.getByRole("searchbox").fill("no model is called this");
    await page.getByText("No model matches this filter.").waitFor();
    await page.getByRole("button", { name: "Clear filter" }).click();
    await until(PATIENCE_MS, async () => 4 <= (await rows(page).count()));
    await leave();
  });

  test("sorts by a column from the keyboard and tells a screen reader", async () => {
    const { page, leave } = await openOverview();
    await page.getByRole("button", { name: "Failures" }).press("Enter");
    assert.equal(await page.getByRole("columnheader", { name: "Failures" }).getAttribute("aria-sort"), "descending");
    await leave();
  });

  test("opens a model with the keyboard and comes back", async () => {
    const { page, leave } = await openOverview();
    const name = await rows(page).first().getAttribute("data-model");
    await rows(page).first().getByRole("link").press("Enter");
    await page.getByRole("heading", { level: 1, name, exact: true }).waitFor({ timeout: PATIENCE_MS });
    await page.goBack();
    await until(PATIENCE_MS, async () => 4 <= (await rows(page).count()));
    await leave();
  });

  test("shows a hostile name as text, in the list and on its own page", async () => {
    const { page, leave } = await openOverview();
    const answer = await fetch(`${house.url}/api/v1/publish/prediction/x`, {
      method: "POST",
      headers: { Authorization: `Bearer ${house.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ model: HOSTILE, prediction_id: "hostile-1", prediction: "<b>yes</b>", confidence: 0.5, response_time: 0.01 }),
    });
    assert.ok(answer.ok, `publish answered ${answer.status}`);
    const link = page.getByRole("link", { name: HOSTILE, exact: true });
    await link.waitFor({ timeout: PATIENCE_MS });
    await link.click();
    await page.getByRole("heading", { level: 1, name: HOSTILE, exact: true }).waitFor({ timeout: PATIENCE_MS });
    assert.equal(await page.locator("main img").count(), 0);
    assert.equal(new URL(page.url()).pathname, `/models/${encodeURIComponent(HOSTILE)}`);
    await page.reload();
    await page.getByRole("heading", { level: 1, name: HOSTILE, exact: true }).waitFor({ timeout: PATIENCE_MS });
    await leave();
  });
});

describe("a model", () => {
  test("has four charts with points", async () => {
    const { page, leave } = await openModel();
    await withCharts(page);
    assert.equal(await page.getByRole("slider").count(), 4);
    assert.notEqual(await firstChart(page).getAttribute("aria-valuetext"), "No data in this range.");
    await leave();
  });

  test("keeps the point under the pointer while live data arrives", async () => {
    const { page, frames, leave } = await openModel({}, "?range=15m");
    await withCharts(page);
    await page.locator(".u-over").first().scrollIntoViewIfNeeded();
    const box = await page.locator(".u-over").first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.55, box.y + box.height / 2);
    const hovered = () => page.locator(".chart-window time").first().getAttribute("datetime");
    const cursor = () => page.locator(".u-cursor-x").first().evaluate((line) => line.style.transform);
    const scroll = await page.evaluate(() => scrollY);
    await until(PATIENCE_MS, async () => (await hovered()) !== null);
    const [window, place] = [await hovered(), await cursor()];
    const heard = frames.received;
    await until(PATIENCE_MS, async () => heard + 6 <= frames.received);
    assert.equal(await hovered(), window);
    assert.equal(await cursor(), place);
    assert.equal(await page.evaluate(() => scrollY), scroll);
    for (const each of await page.locator(".chart-window time").all()) {
      if (await each.evaluate((time) => time.closest(".chart") !== null)) assert.equal(await each.getAttribute("datetime"), window);
    }
    await leave();
  });

  test("moves over its points with the keyboard and opens one", async () => {
    const { page, leave } = await openModel();
    await withCharts(page);
    await firstChart(page).focus();
    const said = () => firstChart(page).getAttribute("aria-valuetext");
    const newest = await said();
    await page.keyboard.press("Home");
    const oldest = await said();
    if (0 < Number(await firstChart(page).getAttribute("aria-valuemax"))) {
      assert.notEqual(oldest, newest);
      await page.keyboard.press("ArrowRight");
      assert.notEqual(await said(), oldest);
      await page.keyboard.press("ArrowLeft");
      assert.equal(await said(), oldest);
    }
    await page.keyboard.press("Enter");
    await page.getByText("picked window").waitFor({ timeout: PATIENCE_MS });
    await page.getByRole("button", { name: "Back to the newest" }).click();
    await page.getByText("the whole range").waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("zooms by dragging and resets on a double click", async () => {
    const { page, leave } = await openModel();
    await withCharts(page);
    const box = await page.locator(".u-over").first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40, { steps: 5 });
    await page.mouse.move(box.x + box.width * 0.8, box.y + 40, { steps: 5 });
    await page.mouse.up();
    await page.getByRole("button", { name: "Reset zoom" }).waitFor();
    await page.mouse.dblclick(box.x + box.width * 0.5, box.y + 40);
    await page.getByRole("button", { name: "Reset zoom" }).waitFor({ state: "detached" });
    await leave();
  });

  test("picks the resolution by itself and takes a custom range", async () => {
    const { page, leave } = await openModel();
    const resolution = page.getByTestId("resolution");
    assert.equal(await resolution.textContent(), "1 min windows");
    await page.getByRole("button", { name: "24 h" }).click();
    assert.equal(await resolution.textContent(), "5 min windows");
    await page.getByRole("button", { name: "30 d" }).click();
    assert.equal(await resolution.textContent(), "1 h windows");
    await page.getByRole("button", { name: "Custom" }).click();
    await page.getByRole("textbox", { name: "From" }).fill("2026-01-01T00:00");
    await page.getByRole("textbox", { name: "To", exact: true }).fill("2026-01-01T01:00");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText("No data in this range.").first().waitFor({ timeout: PATIENCE_MS });
    assert.equal(new URL(page.url()).searchParams.get("range"), "custom");
    await leave();
  });

  test("tells the same as a table", async () => {
    const { page, leave } = await openModel();
    await page.getByRole("button", { name: "Table" }).click();
    await until(PATIENCE_MS, async () => 0 < (await page.getByRole("region", { name: "Windows of the shown range" }).locator("tbody tr").count()));
    await leave();
  });

  test("that does not exist is said to be missing", async () => {
    const { page, signIn, leave } = await visit(browser, house, { tolerate: /404/ });
    await signIn("/models/nobody%20ever");
    await page.getByText("There is no model of this name.").waitFor({ timeout: PATIENCE_MS });
    await leave();
  });
});

describe("for everyone", () => {
  test("it speaks Korean, from the browser or by choice, and remembers", async () => {
    const { page, leave } = await openOverview();
    await page.getByLabel("Language").selectOption("ko");
    await page.getByText("최근 5분").first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "ko");
    await page.reload();
    await page.getByText("최근 5분").first().waitFor({ timeout: PATIENCE_MS });
    await leave();
    const korean = await openModel({ locale: "ko-KR" });
    await korean.page.getByText("모든 모델").first().waitFor();
    await korean.leave();
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`every page passes axe in the ${colorScheme} theme`, async () => {
      const login = await visit(browser, house, { colorScheme });
      await login.page.goto(house.url);
      await login.page.getByLabel("Access token").waitFor();
      assert.deepEqual(await violations(login.page), []);
      await login.leave();
      const overview = await openOverview({ colorScheme });
      assert.deepEqual(await violations(overview.page), []);
      await overview.leave();
      const model = await openModel({ colorScheme });
      await withCharts(model.page);
      assert.deepEqual(await violations(model.page), []);
      await model.page.getByRole("button", { name: "Table" }).click();
      assert.deepEqual(await violations(model.page), []);
      await model.leave();
    });
  }

  test("a chosen theme wins over the system's", async () => {
    const { page, leave } = await openOverview({ colorScheme: "light" });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.getByLabel("Theme").selectOption("dark");
    assert.notEqual(await ground(), light);
    await leave();
  });

  test("nothing is wider than a small phone", async () => {
    const size = { viewport: { width: 360, height: 740 } };
    const wider = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    const overview = await openOverview(size);
    assert.equal(await wider(overview.page), 0);
    await overview.leave();
    const model = await openModel(size);
    await withCharts(model.page);
    assert.equal(await wider(model.page), 0);
    await model.leave();
  });

  test("a lost connection is told, and mended without a word from anyone", async () => {
    const { page, signIn, leave } = await visit(browser, house);
    const sockets = [];
    let down = false;
    await page.routeWebSocket(/\/ws$/, (socket) => {
      if (down) return void socket.close();
      socket.connectToServer();
      sockets.push(socket);
    });
    await signIn("/");
    const light = (state) => page.locator(`.connection[data-state="${state}"]`).waitFor({ timeout: PATIENCE_MS });
    await light("live");
    down = true;
    await Promise.all(sockets.map((socket) => socket.close()));
    await light("reconnecting");
    assert.ok(4 <= (await rows(page).count()), "what was known stays on the page");
    down = false;
    await light("live");
    await leave();
  });
});
