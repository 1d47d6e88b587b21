// What the page says of how a model is doing: one verdict, of one window, with its figures; and what it is judged by.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { openHouse, until } from "./house.mjs";
import { aboveFloor, alwaysWrong, fallAt, fewLabels, fewRows, hello, lateLabels, movedAndBack, slowShift, strayValues, tell, trainingSet, wide, wrongAnswers } from "./stories.mjs";
import { launch, violations, visit } from "./visitor.mjs";

const PATIENCE_MS = 30_000;
/** More versions than find room for references of ten thousand rows and as many columns as there may be. */
const WIDE = 140;

let house;
let browser;

before(async () => {
  house = await openHouse({ demo: false });
  browser = await launch();
  const uploaded = await ask("PUT", "/api/v1/models/till/reference?version=2", trainingSet(), "text/csv");
  assert.equal(uploaded.rows, 1_000);
  await tell(house, alwaysWrong("wrong"));
  await tell(house, hello("hello"));
  await tell(house, aboveFloor("churn"));
  await tell(house, fewRows("rooms"));
  await tell(house, movedAndBack("till"));
  await tell(house, wrongAnswers("answers"));
  await tell(house, slowShift("income"));
  await tell(house, fewLabels("few"));
  await tell(house, strayValues("forecast"));
  await tell(house, lateLabels("late"));
});
after(async () => {
  await browser?.close();
  await house?.close();
});

async function ask(method, path, body, type = "application/json") {
  const answer = await fetch(house.url + path, { method, headers: { Authorization: `Bearer ${house.token}`, ...(body === undefined ? {} : { "Content-Type": type }) }, body });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

async function open(model, tab, options = {}, more = "") {
  const visitor = await visit(browser, house, options);
  await visitor.signIn(`/models/${encodeURIComponent(model)}?tab=${tab}${more}`);
  await visitor.page.locator(`#tab-${tab}[aria-selected="true"]`).waitFor({ timeout: PATIENCE_MS });
  return visitor;
}

const soon = (look) => until(PATIENCE_MS, look);
const textOf = (locator) => locator.textContent({ timeout: PATIENCE_MS });
const column = (page, name) => page.locator(`.column-list tr[data-column="${name}"]`);
const incident = (page, name) => page.locator(".alarms li").filter({ hasText: name });
/** As the page writes a time of day, in the zone of its visitor. */
const clock = (at) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Seoul" }).format(new Date(at));

describe("a slow model that is always wrong", () => {
  test("is critical after thirty labels, and one of two predictions is not called healthy", async () => {
    const { page, leave } = await open("wrong", "performance");
    await soon(async () => /Accuracy 0% \(0\.0–[\d.]+%\), floor 70\.0%/.test(await textOf(page.locator(".reasons"))));
    assert.equal((await ask("GET", "/api/v1/models/wrong")).status, "critical");
    await leave();
    const young = await open("hello", "performance");
    await soon(async () => /Not enough data: 2 of 30 labels in 7 days/.test(await textOf(young.page.locator(".reasons"))));
    assert.equal((await ask("GET", "/api/v1/models/hello")).status, "unknown");
    await young.leave();
  });
});

describe("a model right above its floor", () => {
  test("is a warning that says that its interval reaches within the margin, and does not go to and fro", async () => {
    const { page, leave } = await open("churn", "performance");
    await soon(async () => /Accuracy 70\.\d% .*floor 70\.0%, its interval reaches within 2 points of it/.test(await textOf(page.locator(".reasons"))));
    const { items } = await ask("GET", "/api/v1/models/churn/status/history");
    assert.ok(items.length <= 3, JSON.stringify(items));
    await leave();
  });
});

describe("a model of too few rows for some of its intervals", () => {
  test("says so where an interval would stand", async () => {
    const { page, leave } = await open("rooms", "performance");
    const row = page.locator(".metrics tr").filter({ hasText: "Root mean squared error" });
    await soon(async () => /none: too few rows/.test(await textOf(row.first())));
    await leave();
  });
});

describe("a slow model whose income has risen by 40 %", () => {
  test("drifts within a day, in windows that fit its traffic, and says why they are as wide", async () => {
    const { page, leave } = await open("income", "drift");
    await soon(async () => /Drift/.test(await textOf(column(page, "feature/income"))));
    assert.match(await textOf(page.locator(".pace")), /This version needs windows of \d+ (h|d).*: 2 rows a minute/);
    assert.match(await textOf(column(page, "feature/age")), /Stable/);
    const report = await ask("GET", "/api/v1/models/income/drift");
    const told = report.incidents.find(({ subject }) => subject === "feature/income");
    const delay = Date.parse(told.first.end) - (Date.now() - 36 * 3_600_000);
    assert.ok(delay <= 24 * 3_600_000, `the alarm is of ${told.first.end}`);
    assert.match(await textOf(incident(page, "income").first()), /has drifted since/);
    await leave();
  });
});

describe("a model whose answers are wrong more often", () => {
  test("has one incident of wrong answers, from when it began, and none of failures", async () => {
    const { page, leave } = await open("answers", "drift");
    await incident(page, "Wrong answers").first().waitFor({ timeout: PATIENCE_MS });
    assert.equal(await incident(page, "Wrong answers").count(), 1);
    assert.equal(await incident(page, "Failures").count(), 0);
    assert.match(await textOf(incident(page, "Wrong answers")), /noticed at wrong answers [\d.]+% → [\d.]+% .*last judged window: wrong answers 7\.0% → [\d.]+%.*worst: wrong answers 7\.0% → [\d.]+%/);
    // all of it has arrived now, and the page tells when it happened
    const { incidents } = await ask("GET", "/api/v1/models/answers/drift");
    const { onset } = incidents.find(({ subject }) => subject === "error");
    assert.ok(Math.abs(Date.parse(onset) - fallAt()) < 15 * 60_000, `${onset} is not near ${new Date(fallAt()).toISOString()}`);
    assert.ok((await textOf(incident(page, "Wrong answers"))).includes(clock(onset)));
    await leave();
  });

  test("tells how it was noticed, how it stands now and how bad it has been in Korean too", async () => {
    const { page, leave } = await open("answers", "drift", { locale: "ko-KR" });
    await soon(async () => /감지 당시 오답률 [\d.]+% → [\d.]+%.*마지막 판정 구간: 오답률 7\.0% → [\d.]+%.*가장 나빴을 때: 오답률 7\.0% → [\d.]+%/.test(await textOf(incident(page, "오답").first())));
    await leave();
  });

  test("has a card that says so, of the window that verdicts and heat map mark as judged", async () => {
    const { page, leave } = await open("answers", "drift");
    const card = page.locator(".drift-score .figure").filter({ hasText: "Performance" });
    await soon(async () => /accuracy 93\.0% → [78]\d\.\d% \(n = [\d,]+\).*an incident of wrong answers goes on since/.test(await textOf(card)));
    assert.ok(0 < Number(await textOf(card.locator("b"))), await textOf(card));
    const report = await ask("GET", "/api/v1/models/answers/drift");
    const window = `${clock(report.score.window)}–${clock(report.score.end)}`;
    for (const place of [page.locator(".drift-score h2"), page.getByTestId("against-note"), page.locator(".column-list thead"), page.locator("#column-detail .section-head")]) {
      assert.ok((await textOf(place)).includes(window), `${await textOf(place)} is not of ${window}`);
    }
    assert.match(await page.locator(".heat th.judged").getAttribute("title"), new RegExp(`${window}: last judged window`));
    assert.deepEqual(await violations(page), []);
    await leave();
  });

  test("is shaded from its onset on a chart, whose failures stay flat under a word of their own", async () => {
    const { page, leave } = await open("answers", "performance", {}, "&range=6h");
    const chart = page.getByRole("slider", { name: "Failures over time" });
    await chart.waitFor({ timeout: PATIENCE_MS });
    assert.equal(await page.getByText(/error rate/i).count(), 0);
    await page.getByRole("slider", { name: "Accuracy over time" }).focus();
    const said = () => page.getByRole("slider", { name: "Accuracy over time" }).getAttribute("aria-valuetext");
    await soon(async () => {
      await page.keyboard.press("ArrowLeft");
      return (await said()).includes("Wrong answers: drift");
    });
    await leave();
  });
});

describe("a model with few labels below its floor", () => {
  test("is a warning that says why it is none the worse, in both languages", async () => {
    const { page, leave } = await open("few", "performance");
    await soon(async () => /Accuracy 66\.0% \([\d.]+–[\d.]+%\), floor 70\.0%, beyond it but not evidently/.test(await textOf(page.locator(".reasons"))));
    const { reasons: told, status } = await ask("GET", "/api/v1/models/few");
    assert.equal(status, "warning");
    assert.match(told[0].message, /^accuracy 66 % \(.+\), floor 70 %, below it but not evidently/);
    await leave();
    const korean = await open("few", "performance", { locale: "ko-KR" });
    await soon(async () => /정확도 66\.0%.*하한 70\.0%, 벗어났으나 아직 확실하지 않음/.test(await textOf(korean.page.locator(".reasons"))));
    await korean.leave();
  });
});

describe("a model of two versions", () => {
  test("is shown by the one that serves most, with the incidents of both under their versions", async () => {
    const { page, leave } = await open("till", "drift");
    await column(page, "feature/amount").waitFor({ timeout: PATIENCE_MS });
    assert.match(await textOf(page.getByRole("region", { name: "Reference" })), /Version2|Version 2/);
    await page.getByRole("option", { name: "Serves most" }).waitFor({ state: "attached" });
    assert.match(await textOf(incident(page, "amount").first()), /version 2, 3/);
    await leave();
  });

  test("drifts on after a clean window, and says that two are needed", async () => {
    const { page, leave } = await open("till", "drift", {}, "&column=feature/amount");
    await soon(async () => /Drift.*clean windows: 1 of 2/.test(await textOf(column(page, "feature/amount"))));
    await page.getByText("A drift is over after 2 clean windows in a row; so far there is 1.").waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("has no verdict on what its training set does not hold, and tests of what it does", async () => {
    const { page, leave } = await open("till", "drift", {}, "&column=prediction");
    await soon(async () => /Not compared/.test(await textOf(column(page, "prediction"))));
    assert.equal(await incident(page, "Prediction").filter({ hasText: "version 2" }).count(), 0);
    await column(page, "feature/amount").getByRole("button").click();
    await soon(async () => 3 < (await page.locator("#column-detail .tests tbody tr").count()));
    assert.deepEqual(await page.locator("#column-detail .tests thead th").allTextContents(), ["Test", "Statistic", "p-value", "Usual limit"]);
    await leave();
  });

  test("quotes in its heat map what a window of its width needs", async () => {
    const { page, leave } = await open("till", "drift");
    await column(page, "feature/amount").waitFor({ timeout: PATIENCE_MS });
    const [{ evidence_needed: needed }] = (await ask("GET", "/api/v1/models/till/drift/windows?resolution=1d")).slice(-1);
    const width = page.getByRole("group", { name: "Windows" }).getByRole("button", { name: "1 d" });
    await width.click();
    await soon(async () => ((await page.locator('.heat td[data-subject="feature/amount"]').last().getAttribute("aria-label")) ?? "").includes(`of ${needed.toFixed(1)} nats`));
    await leave();
  });
});

describe("a forecast with values that are no numbers", () => {
  test("stays a regression, and the card of its task tells which and how many do not fit", async () => {
    const { page, leave } = await open("forecast", "quality");
    const card = page.getByTestId("task");
    await soon(async () => /12 of 1,212 predictions do not fit and are left out:.*n\/a/.test(await textOf(card)));
    assert.match(await textOf(card), /Regression · decided from the first [\d,]+ labelled predictions/);
    await page.locator("#tab-performance").click();
    await soon(async () => /Mean absolute error/.test(await textOf(page.locator(".metrics"))));
    await leave();
  });

  test("is a finding of the analysis", async () => {
    const { page, signIn, leave } = await visit(browser, house);
    await signIn("/analysis");
    await soon(async () => /forecast: 12 of 1,212 predictions are no numbers: n\/a/.test(await textOf(page.locator("main"))));
    await leave();
  });
});

describe("the overview", () => {
  test("shows the accuracy that a status rests on where labels come late, and what the status has been", async () => {
    const { page, signIn, leave } = await visit(browser, house, { viewport: { width: 1500, height: 900 } });
    await signIn("/");
    const row = (name) => page.locator(`tr[data-model="${name}"]`);
    await soon(async () => /90\.0%since \d\d:\d\d.*n = 900/.test(await textOf(row("late").locator(".accuracy"))));
    const [strip] = await row("few").locator(".row-strips svg").all();
    assert.match(await strip.getAttribute("aria-label"), /^Status, last 24 hours: .*Warning from \d\d:00/);
    assert.deepEqual(await violations(page), []);
    await leave();
  });
});

describe("thresholds of one model", () => {
  const row = (page, metric) => page.locator(`.judged tr[data-metric="${metric}"]`);

  test("are suggested by the reference, adopted, changed and removed, and judged at once", async () => {
    const { page, leave } = await open("answers", "thresholds");
    await soon(async () => /at least 70\.0%.*all models/.test(await textOf(row(page, "accuracy"))));
    await page.getByRole("button", { name: "Adopt the suggestion for Accuracy", exact: true }).click({ timeout: PATIENCE_MS });
    await soon(async () => /Critical.*at least 9\d\.\d%.*this model/.test(await textOf(row(page, "accuracy"))));
    await page.getByRole("button", { name: "Change the threshold of Accuracy" }).click();
    await page.getByLabel("Threshold", { exact: true }).fill("0.6");
    await page.getByLabel("Margin", { exact: true }).fill("0.01");
    await page.getByText("= 60.0%").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Put in force" }).click();
    await soon(async () => /at least 60\.0%1 point/.test(await textOf(row(page, "accuracy"))));
    await page.getByRole("button", { name: "Remove the threshold of Accuracy" }).click();
    await soon(async () => /at least 70\.0%.*all models/.test(await textOf(row(page, "accuracy"))));
    await leave();
  });

  test("are about named samples too, and go from one model to another as a file", async () => {
    const { page, leave } = await open("answers", "thresholds");
    await page.getByRole("button", { name: "Add a threshold" }).click({ timeout: PATIENCE_MS });
    await page.getByLabel("Metric", { exact: true }).fill("sample/queue_depth");
    await page.getByLabel("Threshold", { exact: true }).fill("100");
    await page.getByLabel("Source", { exact: true }).fill("worker");
    await page.getByLabel("Unit", { exact: true }).fill("jobs");
    await page.getByLabel("Target", { exact: true }).fill("20");
    await page.getByRole("button", { name: "Put in force" }).click();
    await soon(async () => /queue_depthworker.*at most 100.* jobs.*this model/.test(await textOf(row(page, "sample/queue_depth"))));
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export as JSON" }).click()]);
    assert.equal(download.suggestedFilename(), "answers-thresholds.json");
    const file = await readFile(await download.path());
    assert.deepEqual(JSON.parse(file).thresholds.map(({ metric, source, unit, target }) => [metric, source, unit, target]), [["sample/queue_depth", "worker", "jobs", 20]]);
    await leave();

    const other = await open("few", "thresholds");
    const chooser = other.page.getByLabel("Import thresholds from JSON");
    await chooser.setInputFiles({ name: "x.json", mimeType: "application/json", buffer: Buffer.from("{}") }, { timeout: PATIENCE_MS });
    await other.page.getByText("This file holds no thresholds").waitFor();
    await chooser.setInputFiles({ name: "thresholds.json", mimeType: "application/json", buffer: file });
    await other.page.getByRole("button", { name: "Put 1 in force" }).click();
    await soon(async () => /at most 100.* jobs/.test(await textOf(row(other.page, "sample/queue_depth"))));
    await other.leave();
  });

  test("that cannot be are refused in words", async () => {
    const { page, leave } = await open("answers", "thresholds", { tolerate: /422/ });
    await page.getByRole("button", { name: "Add a threshold" }).click({ timeout: PATIENCE_MS });
    await page.getByLabel("Metric", { exact: true }).fill("f2");
    await page.getByLabel("Threshold", { exact: true }).fill("0.5");
    await page.getByRole("button", { name: "Put in force" }).click();
    await page.getByText(/Not changed: .*there is no metric "f2"/).waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("fit a small phone in Korean", async () => {
    const { page, leave } = await open("answers", "thresholds", { locale: "ko-KR", viewport: { width: 360, height: 740 } });
    await row(page, "accuracy").waitFor({ timeout: PATIENCE_MS });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
    assert.deepEqual(await violations(page), []);
    await leave();
  });
});

// nearly last: what is accepted is no incident any more, and its reference is gathered anew
describe("an incident", () => {
  test("can be accepted as normal, and nothing is offered that does not exist", async () => {
    const { page, leave } = await open("answers", "drift");
    await incident(page, "Wrong answers").getByRole("button", { name: "Accept as normal" }).click({ timeout: PATIENCE_MS });
    await page.getByRole("dialog").getByRole("button", { name: "Accept as normal" }).click();
    await soon(async () => /was accepted as normal/.test(await textOf(incident(page, "Wrong answers"))));
    assert.equal(await page.getByRole("button", { name: /silence|retrain/i }).count(), 0);
    await leave();
  });
});

// last: the policy is of all models
describe("a version for whose reference there is no room", () => {
  test("is shown as waiting, with its place", async () => {
    await ask("PUT", "/api/v1/drift/policy", JSON.stringify({ reference_rows: 10_000 }));
    await tell(house, wide("wide", WIDE));
    const last = `wide-${WIDE - 1}`;
    const { reference } = await ask("GET", `/api/v1/models/${last}/drift`);
    assert.equal(reference.state, "waiting");
    assert.ok(1 < reference.place, `it is number ${reference.place}`);
    const { page, leave } = await open(last, "drift");
    await soon(async () => /waiting/.test(await textOf(page.getByRole("region", { name: "Reference" }))));
    await page.getByText(`This version is number ${reference.place} of those that wait; it is served by itself.`).waitFor({ timeout: PATIENCE_MS });
    await leave();
  });
});
