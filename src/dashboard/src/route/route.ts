/** Which page an address means. Model names are data: percent-encoded in the path, whatever they hold. */

import { signal } from "@preact/signals";
import { nameOf, stepOf } from "./step";

export type Route = { page: "overview" } | { page: "analysis" } | { page: "model"; model: string } | { page: "unknown" };

export function parseRoute(path: string): Route {
  if (path === "/" || path === "/models" || path === "/models/") return { page: "overview" };
  if (path === ANALYSIS || path === `${ANALYSIS}/`) return { page: "analysis" };
  const match = /^\/models\/([^/]+)\/?$/.exec(path);
  if (match === null) return { page: "unknown" };
  try {
    return { page: "model", model: nameOf(match[1]!) };
  } catch {
    return { page: "unknown" };
  }
}

export const ANALYSIS = "/analysis";

/** The address of a model's page. */
export const modelAddress = (model: string): string => `/models/${stepOf(model)}`;

const browser = typeof location !== "undefined";

export const route = signal<Route>(browser ? parseRoute(location.pathname) : { page: "overview" });

/** Query parameters of the address; pages keep their filters and ranges there so that an address can be shared. */
export const query = signal(new URLSearchParams(browser ? location.search : ""));

/** Where each page was scrolled to, so that going back lands where one left. */
const scrolls = new Map<string, number>();

export const scrollOf = (path: string): number => scrolls.get(path) ?? 0;

/** Goes to `address` of our own origin and puts it in the history. */
export function go(address: string): void {
  scrolls.set(location.pathname, window.scrollY);
  history.pushState(null, "", address);
  adopt();
  window.scrollTo(0, 0);
  // The link that was followed is gone with its page; the keyboard goes on at the top of the new one.
  requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
}

/** Replaces the query of the current address; `null` removes a parameter. */
export function setQuery(changes: Record<string, string | null>): void {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  history.replaceState(history.state, "", location.pathname + (text === "" ? "" : `?${text}`));
  query.value = next;
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
  const next = parseRoute(location.pathname);
  if (JSON.stringify(next) !== JSON.stringify(route.value)) route.value = next;
}
