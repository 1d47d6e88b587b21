// The page Retraining: a model is trained by hand, proves itself, is promoted by typing its name, and is on the charts; the policy; both languages.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openHouse, until } from "./house.mjs";
import { launch, violations, visit } from "./visitor.mjs";

const PATIENCE_MS = 60_000;

let house;
let browser;

const send = async (method, path, body) => {
  const answer = await fetch(`${house.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${house.token}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${text}`);
  return JSON.parse(text);
};

/** Draws that do not follow from each other, the same in each run: SplitMix64's mixing in 32 bits. */
const draw = (n, salt) => {
  let z = Math.imul(n, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
};

/** Fraud is what costs more than 60, one label in twelve is wrong, and the model that serves answers by chance. */
const record = (n, begun) => {
  const amount = draw(n, 1) * 100;
  const isFraud = 60 < amount !== draw(n, 2) < 0.08;
  return {
    model: "fraud",
    prediction_id: `p${n}`,
    at: begun + n * 100,
    features: { amount, hour: n % 24, device: n % 2 === 0 ? "web" : "mobile" },
    segment: { device: n % 2 === 0 ? "web" : "mobile" },
    prediction: draw(n, 3) < 0.4 ? "fraud" : "ok",
    confidence: 0.7,
    actual: isFraud ? "fraud" : "ok",
  };
};

before(async () => {
  house = await openHouse({ demo: false, agent: false });
  browser = await launch();
  const begun = Date.now() - 3_600_000;
  for (let first = 0; first < 3_000; first += 500) await send("POST", "/api/v1/publish/prediction/test?wait=applied", Array.from({ length: 500 }, (_, n) => record(first + n, begun)));
  await send("PUT", "/api/v1/retraining/policy", { model_configs: { fraud: { hyperparameters: { n_estimators: 30 } } } });
});
after(async () => {
  await browser?.close();
  await house?.close();
});

async function open(path, options = {}) {
  const visitor = await visit(browser, house, options);
  await visitor.signIn(path);
  await visitor.page.locator("h1").waitFor({ timeout: PATIENCE_MS });
  return visitor;
}

describe("retraining", () => {
  test("a model is trained by hand, compared on the same rows, and promoted by whoever types its name", async () => {
    const { page, leave } = await open("/retraining");
    await page.getByRole("textbox", { name: "Name of the model" }).fill("fraud");
    await page.getByRole("button", { name: "Retrain", exact: true }).click();
    await page.getByText(/^Job .* is (running|queued|completed)/).waitFor({ timeout: PATIENCE_MS });
    const row = page.getByRole("row", { name: /fraud/ });
    await row.getByText("completed").waitFor({ timeout: PATIENCE_MS });
    await row.getByRole("link", { name: "fraud" }).click();
    await page.getByRole("heading", { name: "Retraining of fraud" }).waitFor();
    const challenger = page.getByRole("article", { name: "r1" });
    await challenger.getByRole("progressbar", { name: "Evidence that r1 is better" }).waitFor({ timeout: PATIENCE_MS });
    assert.equal(Number(await challenger.getByRole("progressbar").getAttribute("value")), 1, "the hold-out has proved it");
    for (const words of ["On the same 600 rows", "Every gate is passed.", "Accuracy"]) await challenger.getByText(words).first().waitFor();

    await page.getByRole("button", { name: "Promote r1" }).click();
    const dialog = page.getByRole("dialog");
    const promote = dialog.getByRole("button", { name: "Promote" });
    await dialog.getByLabel("Type fraud to confirm").fill("frau");
    assert.equal(await promote.getAttribute("aria-disabled"), "true");
    await promote.click({ force: true });
    assert.equal((await send("GET", "/api/v1/models/fraud/comparison")).champion, null, "a part of the name does nothing");
    await dialog.getByLabel("Type fraud to confirm").fill("fraud");
    await promote.click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("row", { name: /^r1 serves/ }).waitFor({ timeout: PATIENCE_MS });
    await page.getByText("promoted").first().waitFor();
    assert.equal((await send("GET", "/api/v1/models/fraud/comparison")).champion, "r1");
    await leave();
  });

  test("the policy is changed by an admin, and a value out of range is refused with its key", async () => {
    const { page, leave } = await open("/retraining", { tolerate: /status of 422/ });
    const rest = page.getByLabel("Hours of rest after a job");
    await rest.fill("-1");
    await page.getByRole("button", { name: "Save the policy" }).click();
    await page.getByRole("status").getByText("cooldown_hours").waitFor({ timeout: PATIENCE_MS });
    await rest.fill("12");
    await page.getByLabel("A model that has proved to be better").selectOption({ label: "is promoted" });
    await page.getByRole("button", { name: "Save the policy" }).click();
    const policy = await until(PATIENCE_MS, async () => {
      const held = await send("GET", "/api/v1/retraining/policy");
      return held.mode === "auto" ? held : null;
    });
    assert.equal(policy.cooldown_hours, 12);
    assert.deepEqual(Object.keys(policy.model_configs), ["fraud"], "what was not on the page is as it was");
    await leave();
  });

  for (const [colorScheme, locale, title] of [
    ["light", "en-US", "Retraining of fraud"],
    ["dark", "ko-KR", "fraud 재학습"],
  ]) {
    test(`both pages pass axe in the ${colorScheme} theme in ${locale}, wide and narrow`, async () => {
      for (const path of ["/retraining", "/retraining/fraud"]) {
        for (const width of [1360, 360]) {
          const { page, leave } = await open(path, { colorScheme, locale, viewport: { width, height: 900 } });
          if (path === "/retraining/fraud") await page.getByRole("heading", { name: title }).waitFor({ timeout: PATIENCE_MS });
          await page.getByRole("table").first().waitFor({ state: "attached", timeout: PATIENCE_MS });
          assert.deepEqual(await violations(page), [], `${path} ${width}`);
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, `${path} ${width}`);
          await leave();
        }
      }
    });
  }
});
