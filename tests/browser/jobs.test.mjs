// The pages Jobs and Hosts: from a batch to its jobs and their figures, from a host to its series and jobs, in both languages.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openHouse } from "./house.mjs";
import { launch, violations, visit } from "./visitor.mjs";

const PATIENCE_MS = 20_000;
const HOSTILE = `<img src=x onerror="alert('owned')"> & 한글/1`;

let house;
let browser;

const publish = async (kind, record) => {
  const answer = await fetch(`${house.url}/api/v1/publish/${kind}/test?wait=applied`, {
    method: "POST",
    headers: { Authorization: `Bearer ${house.token}`, "Content-Type": "application/json" },
    body: JSON.stringify(record),
  });
  assert.equal(answer.status, 200, await answer.text());
};

const figures = { cpu_percent_avg: 45.3, cpu_percent_max: 78.2, ram_mb_avg: 2048.5, ram_mb_peak: 3072, gpu_vram_mb_current: 4096, gpu_vram_mb_peak: 5120, gpu_percent: 89.5, processing_time_sec: 15.8 };

before(async () => {
  house = await openHouse({ demo: false, agent: false });
  browser = await launch();
  await publish("job", { job_id: HOSTILE, batch_id: "tonight", source: "worker-1", model: "whisper", state: "COMPLETE", result: { words: 1204 }, ...figures });
  await publish("job", { job_id: "0002", batch_id: "tonight", source: "worker-1", state: "FAIL", error: "no such file", ...figures, processing_time_sec: 30 });
  for (const value of [10, 60])
    await publish("sample", {
      source: "worker-1",
      metrics: [
        { name: "tidewatch_cpu_usage_percent", value, labels: { core: "0" } },
        { name: "tidewatch_memory_usage_percent", value: 40 },
        { name: "tidewatch_disk_usage_percent", value: 50, labels: { mount: "/" } },
      ],
    });
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

describe("jobs", () => {
  test("a batch leads to its jobs, the cell to the eight figures, the summary to the slowest", async () => {
    const { page, leave } = await open("/jobs");
    await page.getByRole("button", { name: "CPU: 45% | RAM: 3072MB" }).first().waitFor({ timeout: PATIENCE_MS });
    await page.getByRole("link", { name: "tonight" }).first().click();
    await page.getByRole("heading", { name: "Batch tonight" }).waitFor();
    const cell = page.getByRole("row", { name: "한글/1" }).getByRole("button", { name: "CPU: 45% | RAM: 3072MB" });
    await cell.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    for (const words of ["45.3%", "78.2%", "2,048.5 MB", "3,072 MB", "4,096 MB", "5,120 MB", "89.5%", "15.8 s", '"words": 1204']) await dialog.getByText(words).first().waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal(await cell.evaluate((element) => element === document.activeElement), true, "the focus is back");
    await page.getByRole("button", { name: "Performance summary" }).click();
    for (const words of ["Slowest", "Most memory", "no such file", "2 jobs: 0 running, 1 complete, 1 failed"]) await page.getByRole("dialog").getByText(words).first().waitFor();
    await leave();
  });

  test("a job that ends while one looks is shown as ended", async () => {
    await publish("job", { job_id: "live", source: "worker-1", state: "START" });
    const { page, leave } = await open("/jobs/live");
    await page.getByText("running", { exact: true }).waitFor({ timeout: PATIENCE_MS });
    await publish("job", { job_id: "live", source: "worker-1", state: "COMPLETE", ...figures });
    await page.getByText("complete", { exact: true }).waitFor({ timeout: PATIENCE_MS });
    await leave();
  });

  test("a host leads to its series and its jobs, and a job back to its host", async () => {
    const { page, leave } = await open("/hosts");
    await page.getByRole("link", { name: "worker-1" }).first().click();
    await page.getByRole("heading", { name: "Processor" }).waitFor({ timeout: PATIENCE_MS });
    await page.getByRole("img", { name: "Last 2 values: 10% to 60%, now 60%" }).waitFor();
    await page.getByRole("link", { name: /jobs/ }).last().click();
    await page.getByRole("link", { name: "worker-1" }).first().click();
    await page.getByRole("heading", { name: "worker-1" }).waitFor();
    await leave();
  });

  for (const [colorScheme, locale, title] of [
    ["light", "en-US", "Jobs"],
    ["dark", "ko-KR", "작업"],
  ]) {
    test(`every page passes axe in the ${colorScheme} theme in ${locale}, wide and narrow`, async () => {
      for (const path of ["/jobs", "/jobs/0002", "/batches/tonight", "/hosts", "/hosts/worker-1"]) {
        for (const width of [1360, 360]) {
          const { page, leave } = await open(path, { colorScheme, locale, viewport: { width, height: 900 } });
          await page.getByText("worker-1").first().waitFor({ state: "attached", timeout: PATIENCE_MS });
          if (path === "/jobs") await page.getByRole("heading", { name: title }).waitFor();
          assert.deepEqual(await violations(page), [], `${path} ${width}`);
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, `${path} ${width}`);
          await leave();
        }
      }
    });
  }
});
