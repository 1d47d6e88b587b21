/**
 * A running Tidewatch for the browser tests: the one named by TIDEWATCH_URL and TIDEWATCH_TOKEN, or one started from
 * TIDEWATCH_BIN in a directory of its own, with the demo's four models unless `demo` is false.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const START_MS = 60_000;
const STOP_MS = 15_000;

export async function openHouse({ demo = true, agent = true } = {}) {
  const { TIDEWATCH_URL: url, TIDEWATCH_TOKEN: given, TIDEWATCH_BIN: binary } = process.env;
  if (url) return { url: url.replace(/\/$/, ""), token: given ?? "", close: async () => undefined };
  if (!binary) throw new Error("set TIDEWATCH_BIN to the tidewatch binary, or TIDEWATCH_URL and TIDEWATCH_TOKEN to a running one");

  const data = await mkdtemp(join(tmpdir(), "tidewatch-browser-"));
  const token = given ?? "browser-test-token";
  const child = spawn(binary, ["up", "--data", data, "--listen", "127.0.0.1:0", "--nats-port", "0", ...(demo ? [] : ["--no-demo"]), ...(agent ? [] : ["--no-agent"])], {
    env: { ...process.env, TIDEWATCH_TOKEN: token },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (said = (said + bytes).slice(-20_000)));
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const close = async () => {
    child.kill("SIGTERM");
    const stopped = await Promise.race([gone.then(() => true), pause(STOP_MS, false, { ref: false })]);
    if (!stopped) child.kill("SIGKILL");
    await rm(data, { recursive: true, force: true });
  };
  try {
    const http = await until(START_MS, async () => {
      if (child.exitCode !== null) throw new Error(`tidewatch exited with ${child.exitCode}`);
      const run = JSON.parse(await readFile(join(data, "run.json"), "utf8").catch(() => "{}"));
      if (run.pid !== child.pid || !run.url) return null;
      const answer = await fetch(`${run.url}/ready`).catch(() => null);
      return answer?.ok ? run.url : null;
    });
    return { url: http, token, close };
  } catch (error) {
    await close();
    throw new Error(`${error.message}\n${said}`, { cause: error });
  }
}

/** Asks again until `look` answers something, or throws after `limit` milliseconds. */
export async function until(limit, look) {
  const end = Date.now() + limit;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (end <= Date.now()) throw new Error(`not so after ${limit} ms: ${look}`);
    await pause(50);
  }
}
