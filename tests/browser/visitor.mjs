/** A person at a browser, and someone who writes down whatever goes wrong behind the page. */
import assert from "node:assert/strict";
import axe from "axe-core";
import { chromium } from "playwright-core";

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

/**
 * A fresh context and page. `tolerate` names console messages a test provokes on purpose.
 * `leave()` closes the page and fails if anything went wrong behind it.
 */
export async function visit(browser, house, options = {}) {
  const { tolerate = null, ...rest } = options;
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, locale: "en-US", timezoneId: "Asia/Seoul", ...rest });
  const page = await context.newPage();
  const wrongs = [];
  const frames = { received: 0 };
  const origin = new URL(house.url).origin;
  const ours = (address) => [origin, origin.replace(/^http/, "ws")].includes(new URL(address).origin);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !tolerate?.test(message.text())) wrongs.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrongs.push(`error: ${error.stack}`));
  page.on("dialog", (dialog) => {
    wrongs.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!ours(request.url())) wrongs.push(`off-origin request: ${request.url()}`);
  });
  page.on("websocket", (socket) => {
    if (!ours(socket.url())) wrongs.push(`off-origin socket: ${socket.url()}`);
    socket.on("framereceived", () => frames.received++);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return {
    page,
    wrongs,
    frames,
    signIn: (path = "/") => page.goto(`${house.url}${path}#token=${encodeURIComponent(house.token)}`),
    leave: async () => {
      await context.close();
      assert.deepEqual(wrongs, []);
    },
  };
}

/** What axe finds wrong with the page, in words. */
export async function violations(page) {
  await page.evaluate(axe.source);
  const { violations: found } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.map((each) => `${each.id}: ${each.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
}
