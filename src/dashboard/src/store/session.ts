/**
 * Who is looking. The browser holds the session in a cookie that no script can read; what is kept here is that there is one, so that
 * every tab is signed in, and a first visit asks the server nothing.
 */

import { signal } from "@preact/signals";
import { beginSession, endSession, type Role, type SignIn } from "../api/client";

const MARK_KEY = "tidewatch.session";

/** Whether there is a session, as far as is known. */
export const signedIn = signal(false);

/** What the session may do, as the server says; `null` before it has. */
export const role = signal<Role | null>(null);

/** Set when the server refused what it was given, so that the sign-in page can say so. */
export const refused = signal(false);

/** Takes a token out of `#token=…`, or the code of a link out of `#login=…`; `null` if the fragment holds neither. */
export function signInOf(fragment: string): SignIn | null {
  const params = new URLSearchParams(fragment.replace(/^#/, ""));
  const given = (name: string): string => (params.get(name) ?? "").trim();
  if (given("token") !== "") return { token: given("token") };
  return given("login") === "" ? null : { code: given("login") };
}

/** Reads the fragment, which is removed from the address and the history at once, or what another tab has left. */
export function restoreSession(): void {
  const given = signInOf(location.hash);
  if (given === null) {
    signedIn.value = isMarked();
    return;
  }
  history.replaceState(history.state, "", location.pathname + location.search);
  beginSession(given).then(signIn, () => signOut(true));
}

export function signIn(given: Role | null): void {
  refused.value = false;
  role.value = given;
  mark(true);
  signedIn.value = true;
}

/** `wasRefused`: the server said 401, as opposed to a person who signs out. */
export function signOut(wasRefused: boolean): void {
  if (!wasRefused) void endSession();
  refused.value = wasRefused;
  role.value = null;
  mark(false);
  signedIn.value = false;
}

/** A tab hears when another signs in or out. */
export function followOtherTabs(): void {
  window.addEventListener("storage", (event) => {
    if (event.key !== MARK_KEY) return;
    role.value = null;
    signedIn.value = event.newValue !== null;
  });
}

function isMarked(): boolean {
  try {
    return localStorage.getItem(MARK_KEY) !== null;
  } catch {
    return false;
  }
}

function mark(is: boolean): void {
  try {
    if (is) localStorage.setItem(MARK_KEY, "1");
    else localStorage.removeItem(MARK_KEY);
  } catch {
    return;
  }
}
