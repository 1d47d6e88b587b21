// What a person changes about drift from the page: the reference of a version, and the policy.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { publishDrifting } from "./drifting.mjs";
import { openHouse, until } from "./house.mjs";
import { launch, violations, visit } from "./visitor.mjs";

const PATIENCE_MS = 20_000;
const MODEL = "card/fraud №2";
const PAST = "past";

let house;
let browser;

before(async () => {
  house = await openHouse({ demo: false });
  browser = await launch();
  await publishDrifting(house, MODEL, { windows: 4, moved: 0, rows: 300 });
  await publishDrifting(house, PAST, { windows: 6, moved: 0, rows: 300 });
});
after(async () => {
  await browser?.close();
  await house?.close();
});

async function tokenOf(role) {
  const answer = await fetch(`${house.url}/api/v1/tokens`, {
    method: "POST",
    headers: { Authorization: `Bearer ${house.token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ name: `browser ${role}`, role }),
  });
  assert.ok(answer.ok, `tokens answered ${answer.status}`);
  return (await answer.json()).token;
}

async function openDrift(options = {}, token = house.token, model = MODEL) {
  const visitor = await visit(browser, { ...house, token }, options);
  await visitor.signIn(`/models/${encodeURIComponent(model)}?tab=drift`);
  await card(visitor.page).waitFor({ timeout: PATIENCE_MS });
  return visitor;
}

const card = (page) => page.getByRole("region", { name: "Reference" });

function trainingSet(rows) {
  const lines = Array.from({ length: rows }, (_, n) => `${90 + (n % 20)},${30 + (n % 25)},${["web", "app", "phone"][n % 3]},${n % 60},${n % 9 === 0 ? "fraud" : "ok"},0.${70 + (n % 30)}`);
  return { name: "train.csv", mimeType: "text/csv", buffer: Buffer.from(["amount,age,channel,tenure,prediction,score", ...lines].join("\n")) };
}

describe("the reference", () => {
  test("is replaced by a training set: columns are told before, rows and origin after", async () => {
    const { page, leave } = await openDrift();
    await page.getByRole("button", { name: "Replace the reference" }).click();
    await page.getByLabel("upload a training set").check();
    await page.getByLabel("File").setInputFiles(trainingSet(600));
    await page.getByText("6 columns: amount, age, channel, tenure, prediction, score").waitFor();
    assert.equal(await page.getByLabel("Column of the predictions").inputValue(), "prediction");
    assert.equal(await page.getByLabel("Column of the scores").inputValue(), "score");
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Replace…" }).click();
    const dialog = page.getByRole("dialog", { name: "Replace the reference?" });
    assert.match(await dialog.textContent(), /v1 is compared with train\.csv/);
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Replace…");
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Replace", exact: true }).click();
    await page.getByText("In force: 600 rows are the reference.").waitFor({ timeout: PATIENCE_MS });
    await until(PATIENCE_MS, async () => /training set.*600/.test(await card(page).locator(".facts").textContent()));
    await leave();
  });

  test("is not offered to be replaced to someone who may only read", async () => {
    const { page, leave } = await openDrift({}, await tokenOf("viewer"));
    await page.getByText("Replacing the reference needs a token that may do more than read.").waitFor({ timeout: PATIENCE_MS });
    assert.equal(await page.getByRole("button", { name: "Replace the reference" }).count(), 0);
    await leave();
  });
});

describe("the policy", () => {
  const open = async (page) => page.locator(".policy summary").click();

  test("is changed by an admin: what is saved is in force, and what the server refuses is told", async () => {
    const { page, leave } = await openDrift();
    await open(page);
    const effect = page.getByLabel("Least effect that matters (PSI)");
    assert.equal(await effect.inputValue(), "0.1");
    assert.equal(await page.getByRole("button", { name: "Save the policy" }).getAttribute("aria-disabled"), "true");
    await effect.fill("0.2");
    await page.getByLabel("Width of a drift window").selectOption("3600");
    await page.getByLabel("Season").selectOption("same_hour_of_week");
    await page.getByLabel("Judge segments apart").check();
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Save the policy" }).click();
    await page.getByText("In force.", { exact: true }).waitFor({ timeout: PATIENCE_MS });
    await page.getByText("below 0.20 a change is too small to matter").waitFor({ timeout: PATIENCE_MS });
    const answer = await fetch(`${house.url}/api/v1/drift/policy`, { headers: { Authorization: `Bearer ${house.token}` } });
    const { psi_threshold: least, window_seconds: width, reference_rows: rows, season, segments } = await answer.json();
    assert.deepEqual([least, width, rows, season, segments], [0.2, 3600, 1000, "same_hour_of_week", true]);
    await page.getByLabel("Watch for drift").uncheck();
    await page.getByRole("button", { name: "Save the policy" }).press("Enter");
    await page.getByText("Watching for drift is switched off by the policy").waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("is read by anyone, and who may not change it is told so", async () => {
    for (const role of ["viewer", "operator"]) {
      const { page, leave } = await openDrift({}, await tokenOf(role));
      await open(page);
      await page.getByText("Changing them needs a token of the role admin.").waitFor({ timeout: PATIENCE_MS });
      assert.equal(await page.locator(".policy input").count(), 0);
      assert.match(await page.locator(".policy dl").textContent(), /Rows of a reference \(predictions\)1,000/);
      assert.deepEqual(await violations(page), []);
      await leave();
    }
  });
});

test("segments that are judged apart are told with what drifts in each, and one of them can be looked at", async () => {
  const policy = { watch: true, window_seconds: 600, psi_threshold: 0.1, season: "none", segments: true };
  const answer = await fetch(`${house.url}/api/v1/drift/policy`, {
    method: "PUT",
    headers: { Authorization: `Bearer ${house.token}`, "Content-Type": "application/json" },
    body: JSON.stringify(policy),
  });
  assert.ok(answer.ok, `policy answered ${answer.status}`);
  await publishDrifting(house, "apart", { windows: 6, moved: 2, rows: 600 });
  const { page, leave } = await openDrift({}, house.token, "apart");
  const table = page.getByRole("region", { name: "Segments judged apart" });
  const row = (name) => table.getByRole("row").filter({ hasText: name });
  await row("region:us").waitFor({ timeout: PATIENCE_MS });
  for (const segment of ["region:us", "region:kr"]) assert.match(await row(segment).textContent(), /▲ .*amount/);
  assert.deepEqual(await violations(page), []);
  await table.getByRole("button", { name: "region:kr" }).click();
  await page.getByText("are of segment region:kr, which is judged apart").waitFor({ timeout: PATIENCE_MS });
  assert.equal(new URL(page.url()).searchParams.get("segment"), "region:kr");
  await leave();
});
