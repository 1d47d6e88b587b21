// Drift, data quality and segments of a model whose data move, in a real browser against a real server.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { publishDrifting, publishNow } from "./drifting.mjs";
import { openHouse, until } from "./house.mjs";
import { launch, violations, visit } from "./visitor.mjs";

const PATIENCE_MS = 20_000;
const MODEL = "card/fraud №1";
const YOUNG = "young";
const LIVE = "live";
const ROWS = 300;
/** Four features, all of them together, the prediction and the score. */
const COLUMNS = 7;

let house;
let browser;

before(async () => {
  house = await openHouse({ demo: false });
  browser = await launch();
  await publishDrifting(house, MODEL, { windows: 8, moved: 2, rows: ROWS });
  await publishDrifting(house, LIVE, { windows: 5, moved: 0, rows: 250 });
  await publishNow(house, YOUNG, 250);
});
after(async () => {
  await browser?.close();
  await house?.close();
});

async function openTab(tab, options = {}, name = MODEL, more = "") {
  const visitor = await visit(browser, house, options);
  await visitor.signIn(`/models/${encodeURIComponent(name)}?tab=${tab}${more}`);
  await visitor.page.locator(`#tab-${tab}[aria-selected="true"]`).waitFor({ timeout: PATIENCE_MS });
  return visitor;
}

const list = (page) => page.locator(".column-list tbody tr");
const column = (page, name) => page.locator(`.column-list tr[data-column="${name}"]`);
const grid = (page) => page.getByRole("grid", { name: "Effect by window" });
const readout = (page) => page.getByTestId("heat-readout").textContent();
const focusedCell = (page) => page.evaluate(() => ({ subject: document.activeElement?.dataset.subject, slot: document.activeElement?.dataset.slot }));

async function withColumns(page) {
  await until(PATIENCE_MS, async () => COLUMNS === (await list(page).count()));
  await until(PATIENCE_MS, async () => 0 < (await page.locator(".heat td").count()));
}

describe("the drift tab", () => {
  test("puts the column first that has drifted most evidently, and says how much, how evidently and of what", async () => {
    const { page, leave } = await openTab("drift");
    await withColumns(page);
    assert.equal(await list(page).first().getAttribute("data-column"), "feature/amount");
    assert.match(await list(page).first().textContent(), /Drift/);
    for (const stable of ["feature/age", "score"]) assert.match(await column(page, stable).textContent(), /Stable/);
    assert.match(await column(page, "feature/tenure").textContent(), /missing \+\d/);
    await page.getByRole("heading", { level: 2, name: "amount" }).waitFor();
    assert.match(await page.locator(".drift-score h2").textContent(), new RegExp(`last judged window · .+ · n = ${ROWS}`));
    assert.match(await page.locator(".drift-score .figure").first().textContent(), /above the threshold/);
    assert.match(await page.locator("#tab-drift").textContent(), /5 drifting/);
    await leave();
  });

  test("opens a column with every test, both sides and the categories that are new", async () => {
    const { page, leave } = await openTab("drift");
    await withColumns(page);
    await column(page, "feature/channel").getByRole("button").click();
    const detail = page.locator("#column-detail");
    await detail.getByRole("heading", { level: 2, name: "channel" }).waitFor();
    assert.equal(new URL(page.url()).searchParams.get("column"), "feature/channel");
    assert.match(await detail.locator(".newcomers").textContent(), /kiosk/);
    await until(PATIENCE_MS, async () => 0 < (await detail.locator(".histogram tbody tr").count()));
    // The newest ten minutes may hold too few rows to test; a whole window does not.
    await page.locator('.heat td[data-subject="feature/channel"].drifts').last().click();
    await until(PATIENCE_MS, async () => 8 < (await detail.locator(".tests tbody tr").count()));
    assert.match(await detail.locator(".tests").textContent(), /Chi-square.*p < /);
    // figures to read: the verdict rests on effect and evidence, and stands above them
    assert.doesNotMatch(await detail.locator(".tests").textContent(), /▲ drift|Verdict/);
    await leave();
  });

  test("moves over its heatmap with the keyboard and opens a window", async () => {
    const { page, leave } = await openTab("drift");
    await withColumns(page);
    assert.equal(await page.locator('.heat td[tabindex="0"]').count(), 1);
    await page.locator('.heat td[tabindex="0"]').focus();
    assert.match(await readout(page), /^amount, .*: Not enough data, n = 1/);
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    assert.match(await readout(page), /^amount, .*: Drift, effect [\d.]+, evidence \d+\.?\d* of [\d.]+ nats, n = 300/);
    await page.keyboard.press("Control+End");
    await page.keyboard.press("Home");
    // which of the columns that did not move comes last depends on the time of day: the windows are those before now
    assert.equal((await focusedCell(page)).subject, await list(page).last().getAttribute("data-column"));
    assert.match(await readout(page), /: (no drift|Not enough data)/);
    await page.keyboard.press("Control+Home");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Enter");
    await page.getByText("picked window").waitFor({ timeout: PATIENCE_MS });
    assert.equal(await page.evaluate(() => document.activeElement.id), "detail-title");
    await until(PATIENCE_MS, async () => (await page.locator("#column-detail .section-head").textContent()).includes("n = 300"));
    await page.getByRole("button", { name: "Back to the newest" }).click();
    await page.locator("#column-detail").getByText("last judged window").first().waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("marks drift by more than colour, and does not colour what could not be judged", async () => {
    const { page, leave } = await openTab("drift");
    await withColumns(page);
    for (const cell of await page.locator(".heat td.drifts").all()) {
      assert.match(await cell.textContent(), /▲/);
      assert.match(await cell.getAttribute("aria-label"), /Drift/);
    }
    const unknown = page.locator('.heat td.unknown[aria-label*="Not enough data"]');
    assert.ok(0 < (await unknown.count()));
    const ground = await unknown.first().evaluate((cell) => getComputedStyle(cell).backgroundImage);
    assert.match(ground, /repeating-linear-gradient/);
    await leave();
  });

  test("is live, and takes neither focus nor scroll nor selection from anyone", async () => {
    const { page, leave } = await openTab("drift", {}, LIVE, "&column=feature/channel");
    await withColumns(page);
    await page.locator('.heat td[tabindex="0"]').focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowLeft");
    await page.evaluate(() => window.scrollTo(0, 120));
    const [held, scroll] = [await focusedCell(page), await page.evaluate(() => scrollY)];
    const newest = () => page.locator('.heat tr:first-child td').last().getAttribute("aria-label");
    const first = await newest();
    await publishNow(house, LIVE, 40);
    await until(PATIENCE_MS, async () => (await newest()) !== first);
    assert.deepEqual(await focusedCell(page), held);
    assert.equal(await page.evaluate(() => scrollY), scroll);
    assert.equal(await page.locator(".column-list tr.picked").getAttribute("data-column"), "feature/channel");
    await leave();
  });

  test("says what is compared with what and how many rows each side has, and can be compared with the same hours before", async () => {
    const { page, leave } = await openTab("drift");
    await withColumns(page);
    const note = page.getByTestId("against-note");
    assert.match(await note.textContent(), /compare .+ · n = [\d,]+ with the reference, .+ · n = 1,000\.$/);
    await page.getByLabel("Compared with").selectOption("same_hour_of_week");
    await until(PATIENCE_MS, async () => /the same hours of up to four weeks before · n = 0\. Nothing was counted/.test(await note.textContent()));
    assert.equal(new URL(page.url()).searchParams.get("against"), "same_hour_of_week");
    assert.match(await page.locator(".column-list .key").textContent(), /Same hours before n = 0/);
    assert.equal(await list(page).first().getAttribute("data-column"), "feature/amount");
    assert.deepEqual(await violations(page), []);
    await leave();
  });

  test("says how far a reference has been gathered, and claims nothing before", async () => {
    const { page, leave } = await openTab("drift", {}, YOUNG);
    await page.getByText("250 of 1,000 rows").waitFor({ timeout: PATIENCE_MS });
    assert.equal(await page.getByRole("progressbar").evaluate((bar) => bar.value), 250);
    await page.getByText("no window could be judged yet").waitFor();
    assert.equal(await page.locator(".heatmap").count(), 0);
    await leave();
  });

  test("lists the alarms, and the charts of performance carry them as markers", async () => {
    const { page, leave } = await openTab("drift");
    await page.locator(".alarms li").filter({ hasText: "amount" }).getByText("has drifted").waitFor({ timeout: PATIENCE_MS });
    assert.match(await page.locator(".alarms li").filter({ hasText: "amount" }).first().textContent(), /since .*version v1/);
    await page.getByText("The policy has pinned the width of windows at 10 min.").waitFor({ timeout: PATIENCE_MS });
    await page.locator("#tab-performance").click();
    await page.getByRole("button", { name: "6 h" }).click();
    const chart = page.getByRole("slider").first();
    await chart.focus();
    const said = () => chart.getAttribute("aria-valuetext");
    await until(PATIENCE_MS, async () => /n = /.test(await said()));
    await until(PATIENCE_MS, async () => {
      await page.keyboard.press("ArrowLeft");
      return (await said()).includes("amount: drift");
    });
    await leave();
  });
});

describe("the charts of performance", () => {
  const openCharts = async () => {
    const visitor = await visit(browser, house, {});
    await visitor.signIn(`/models/${encodeURIComponent(MODEL)}?range=6h`);
    // The badge comes from the report that has the alarms.
    await visitor.page.locator("#tab-drift .tag").waitFor({ timeout: PATIENCE_MS });
    await until(PATIENCE_MS, async () => /n = /.test(await visitor.page.locator(".chart .readout").first().textContent()));
    return visitor;
  };

  test("lead from the triangle of an alarm to the drift tab, with the column and the window", async () => {
    const { page, leave } = await openCharts();
    const over = page.locator(".u-over").first();
    await over.scrollIntoViewIfNeeded();
    const { x, y, width } = await over.boundingBox();
    // Where markers are is for the canvas to know; the pointer says when it is over one.
    let found = null;
    for (let left = 4; left < width && found === null; left += 4) {
      await page.mouse.move(x + left, y + 4);
      if (/drift\. Press for its details/.test(await over.getAttribute("title") ?? "")) found = left;
    }
    assert.notEqual(found, null, "no marker was found under the pointer");
    await page.mouse.click(x + found, y + 90);
    await page.getByText("picked window").waitFor({ timeout: PATIENCE_MS });
    await page.mouse.click(x + found, y + 4);
    await page.locator('#tab-drift[aria-selected="true"]').waitFor({ timeout: PATIENCE_MS });
    assert.equal(await page.evaluate(() => document.activeElement.id), "tab-drift");
    const params = new URL(page.url()).searchParams;
    assert.equal(params.get("tab"), "drift");
    assert.match(`${params.get("column")} ${params.get("window")}`, /^\S+ (null|20.+Z\/20.+Z)$/);
    await leave();
  });

  test("lead there from the details of a window too, by the keyboard", async () => {
    const { page, leave } = await openCharts();
    const link = page.getByRole("list", { name: "Noticed in this window" }).getByRole("button").first();
    await link.waitFor({ timeout: PATIENCE_MS });
    await link.press("Enter");
    await page.locator('#tab-drift[aria-selected="true"]').waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("show intervals that hold at every look where they are asked for, and keep that in the address", async () => {
    const { page, leave } = await openCharts();
    const readout = page.locator(".chart").nth(1).locator(".readout");
    await until(PATIENCE_MS, async () => /n = /.test(await readout.textContent()));
    assert.doesNotMatch(await readout.textContent(), /at every look/);
    await page.getByLabel("Intervals that hold however often one looks").check();
    await until(PATIENCE_MS, async () => /at every look [\d.]+–[\d.]+%/.test(await readout.textContent()));
    assert.equal(new URL(page.url()).searchParams.get("interval"), "always");
    assert.deepEqual(await violations(page), []);
    await leave();
  });
});

test("the overview tells the drift score with the window it is of, and sorts by it", async () => {
  const { page, signIn, leave } = await visit(browser, house, { viewport: { width: 1500, height: 900 } });
  await signIn("/");
  const cell = (name) => page.locator(`tr[data-model="${name}"] td.drift`);
  await cell(MODEL).waitFor({ timeout: PATIENCE_MS });
  assert.match(await cell(MODEL).textContent(), /0\.\d\d.*n = 300/);
  assert.match(await cell(YOUNG).textContent(), /not judged yet/);
  await page.getByRole("button", { name: "Drift score" }).click();
  await until(PATIENCE_MS, async () => (await page.locator("tr[data-model]").first().getAttribute("data-model")) === MODEL);
  await leave();
});

describe("the tabs", () => {
  test("go round with the arrow keys, are named in the address and stay after a reload", async () => {
    const { page, leave } = await openTab("drift");
    await page.locator("#tab-drift").focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate(() => document.activeElement.id), "tab-quality");
    assert.equal(new URL(page.url()).searchParams.get("tab"), "quality");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate(() => document.activeElement.id), "tab-performance");
    assert.equal(new URL(page.url()).searchParams.get("tab"), null);
    await page.keyboard.press("End");
    assert.equal(await page.getByRole("tabpanel", { name: "Segments" }).count(), 1);
    await page.reload();
    await page.getByRole("button", { name: "region:kr" }).waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("data quality names what has got worse, against the reference, with the share", async () => {
    const { page, leave } = await openTab("quality");
    const row = (name) => page.locator(`.quality tr[data-column="${name}"]`);
    await row("feature/tenure").waitFor({ timeout: PATIENCE_MS });
    assert.match(await row("feature/tenure").textContent(), /\d% was \d/);
    assert.match(await row("feature/channel").textContent(), /[1-9][\d.]*% was 0%/);
    await page.getByText(/\d+ values in the last \d+ windows are of features that the reference does not have/).waitFor({ timeout: PATIENCE_MS });
    assert.ok(0 < (await page.locator(".quality .spark").count()));
    await leave();
  });

  test("segments are set side by side, each gap with its interval, its n and the values it lies between", async () => {
    const { page, leave } = await openTab("segments");
    const table = page.getByRole("region", { name: "Served alike?" });
    await table.waitFor({ timeout: PATIENCE_MS });
    const gap = table.getByRole("row").filter({ hasText: "Wrong answers" });
    assert.match(await gap.textContent(), /^region.*\+[\d.]+ pp [-+]?[\d.]+ – \+?[\d.]+ · n = [\d,]+(kr|us)(us|kr)$/);
    await leave();
  });

  test("a picked segment is what drift is shown of, and the page says so", async () => {
    const { page, leave } = await openTab("segments");
    await page.getByRole("button", { name: "region:kr" }).click();
    await page.locator("#tab-drift").click();
    await page.getByText("are of segment region:kr only").waitFor({ timeout: PATIENCE_MS });
    await withColumns(page);
    assert.equal(new URL(page.url()).searchParams.get("segment"), "region:kr");
    await leave();
  });
});

describe("for everyone", () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const locale of ["en-US", "ko-KR"]) {
      test(`every tab passes axe in the ${colorScheme} theme in ${locale}`, async () => {
        for (const tab of ["drift", "quality", "segments"]) {
          const { page, leave } = await openTab(tab, { colorScheme, locale });
          if (tab === "drift") await withColumns(page);
          await until(PATIENCE_MS, async () => 0 < (await page.locator("#tab-panel table tbody tr").count()));
          assert.deepEqual(await violations(page), []);
          await leave();
        }
        const young = await openTab("drift", { colorScheme, locale }, YOUNG);
        await young.page.getByRole("progressbar").waitFor({ timeout: PATIENCE_MS });
        assert.deepEqual(await violations(young.page), []);
        await young.leave();
      });
    }
  }

  test("it speaks Korean", async () => {
    const { page, leave } = await openTab("drift", { locale: "ko-KR" });
    await page.getByRole("heading", { name: "구간별 효과" }).waitFor({ timeout: PATIENCE_MS });
    await page.getByText("경보 예산은").waitFor();
    await leave();
  });

  test("no tab is wider than a small phone, and what is scrolled there can be reached by the keyboard", async () => {
    for (const tab of ["drift", "quality", "segments"]) {
      const { page, leave } = await openTab(tab, { viewport: { width: 360, height: 740 } });
      await until(PATIENCE_MS, async () => 0 < (await page.locator("#tab-panel table tbody tr").count()));
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
      assert.deepEqual(await violations(page), []);
      await leave();
    }
  });
});
