/** Which page an address means. Model names are data: percent-encoded in the path, whatever they hold. */

import { signal } from "@preact/signals";
import { at, within } from "./base";
import { nameOf, stepOf } from "./step";

export type Route =
  | { page: "overview" }
  | { page: "analysis" }
  | { page: "inspector" }
  | { page: "jobs" }
  | { page: "hosts" }
  | { page: "retraining" }
  | { page: "retrained"; model: string }
  | { page: "model"; model: string }
  | { page: "source"; source: string }
  | { page: "job"; job: string }
  | { page: "batch"; batch: string }
  | { page: "host"; host: string }
  | { page: "unknown" };

/** What a name in an address is the name of, by the step before it. */
const NAMED: Record<string, (name: string) => Route> = {
  models: (model) => ({ page: "model", model }),
  sources: (source) => ({ page: "source", source }),
  jobs: (job) => ({ page: "job", job }),
  batches: (batch) => ({ page: "batch", batch }),
  hosts: (host) => ({ page: "host", host }),
  retraining: (model) => ({ page: "retrained", model }),
};

export function parseRoute(path: string): Route {
  if (path === "/" || path === "/models" || path === "/models/") return { page: "overview" };
  if (path === ANALYSIS || path === `${ANALYSIS}/`) return { page: "analysis" };
  if (path === INSPECTOR || path === `${INSPECTOR}/`) return { page: "inspector" };
  if (path === JOBS || path === `${JOBS}/`) return { page: "jobs" };
  if (path === RETRAINING || path === `${RETRAINING}/`) return { page: "retraining" };
  if (path === HOSTS || path === `${HOSTS}/`) return { page: "hosts" };
  const match = /^\/([a-z]+)\/([^/]+)\/?$/.exec(path);
  const named = match === null || !Object.hasOwn(NAMED, match[1]!) ? undefined : NAMED[match[1]!];
  if (match === null || named === undefined) return { page: "unknown" };
  try {
    return named(nameOf(match[2]!));
  } catch {
    return { page: "unknown" };
  }
}

export const ANALYSIS = "/analysis";
export const INSPECTOR = "/inspector";
export const JOBS = "/jobs";
export const HOSTS = "/hosts";
export const RETRAINING = "/retraining";

/** The address of a model's page. */
export const modelAddress = (model: string): string => `/models/${stepOf(model)}`;

/** The address of the page of a server or service. */
export const sourceAddress = (source: string): string => `/sources/${stepOf(source)}`;

export const jobAddress = (job: string): string => `/jobs/${stepOf(job)}`;
export const batchAddress = (batch: string): string => `/batches/${stepOf(batch)}`;
export const hostAddress = (host: string): string => `/hosts/${stepOf(host)}`;

/** The address of the trained versions of a model. */
export const retrainingAddress = (model: string): string => `${RETRAINING}/${stepOf(model)}`;

/** The address of the jobs of a host or about a model. */
export const jobsOf = (of: { source: string } | { model: string }): string => `${JOBS}?${new URLSearchParams(of)}`;

const browser = typeof location !== "undefined";

export const route = signal<Route>(browser ? parseRoute(within(location.pathname)) : { page: "overview" });

/** Query parameters of the address; pages keep their filters and ranges there so that an address can be shared. */
export const query = signal(new URLSearchParams(browser ? location.search : ""));

/** Where each page was scrolled to, so that going back lands where one left. */
const scrolls = new Map<string, number>();

export const scrollOf = (path: string): number => scrolls.get(path) ?? 0;

/** Goes to `address` of our own origin and puts it in the history. */
export function go(address: string): void {
  scrolls.set(location.pathname, window.scrollY);
  history.pushState(null, "", at(address));
  adopt();
  window.scrollTo(0, 0);
  // The link that was followed is gone with its page; the keyboard goes on at the top of the new one.
  requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
}

/**
 * Changes the query of the current address; `null` removes a parameter. A step in the history of its own, so that Back undoes it; with
 * `merge` one with the changes of the same parameters just before it, such as the letters of a word.
 */
export function setQuery(changes: Record<string, string | null>, { merge = false }: { merge?: boolean } = {}): void {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  if (text === query.value.toString()) return;
  const address = location.pathname + (text === "" ? "" : `?${text}`);
  const step: Step = { merging: merge ? Object.keys(changes).join() : null };
  const held = history.state as Step | null;
  if (merge && held?.merging === step.merging) history.replaceState(held, "", address);
  else history.pushState(step, "", address);
  query.value = next;
}

/** What a step in the history knows of itself: the parameters whose next change belongs to it. */
interface Step {
  merging: string | null;
}

export function startRouting(): void {
  history.scrollRestoration = "manual";
  window.addEventListener("popstate", () => {
    adopt();
    const wanted = scrollOf(location.pathname);
    requestAnimationFrame(() => window.scrollTo(0, wanted));
  });
  window.addEventListener("scroll", () => scrolls.set(location.pathname, window.scrollY), { passive: true });
}

function adopt(): void {
  query.value = new URLSearchParams(location.search);
  const next = parseRoute(within(location.pathname));
  if (JSON.stringify(next) !== JSON.stringify(route.value)) route.value = next;
}
