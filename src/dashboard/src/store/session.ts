/** Who is looking: the access token of this tab, and nothing else. */

import { signal } from "@preact/signals";
import type { Role } from "../api/client";

const TOKEN_KEY = "tidewatch.token";

/** `null` until signed in. */
export const token = signal<string | null>(null);

/** What the token may do, as the server says; `null` before it has. */
export const role = signal<Role | null>(null);

/** Set when the server refused a token it was given, so that the sign-in page can say so. */
export const refused = signal(false);

/** Takes a token out of `#token=…`; `null` if the fragment holds none. */
export function tokenInFragment(fragment: string): string | null {
  const value = new URLSearchParams(fragment.replace(/^#/, "")).get("token");
  return value === null || value.trim() === "" ? null : value.trim();
}

/** Reads the fragment or the tab's storage; a fragment is removed from the address and the history at once. */
export function restoreSession(): void {
  const given = tokenInFragment(location.hash);
  if (given !== null) {
    history.replaceState(history.state, "", location.pathname + location.search);
    signIn(given);
    return;
  }
  try {
    token.value = sessionStorage.getItem(TOKEN_KEY);
  } catch {
    token.value = null;
  }
}

export function signIn(next: string): void {
  refused.value = false;
  role.value = null;
  token.value = next;
  try {
    sessionStorage.setItem(TOKEN_KEY, next);
  } catch {
    return;
  }
}

/** `wasRefused`: the server said 401, as opposed to a person who signs out. */
export function signOut(wasRefused: boolean): void {
  refused.value = wasRefused;
  role.value = null;
  token.value = null;
  try {
    sessionStorage.removeItem(TOKEN_KEY);
  } catch {
    return;
  }
}
