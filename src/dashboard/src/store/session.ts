/**
 * Who is looking. The browser holds the session in a cookie that no script can read; what is kept here is that there is one, so that
 * every tab is signed in, and a first visit asks the server nothing.
 */

import { signal } from "@preact/signals";
import { ApiError, beginSession, endSession, type Role, type SignIn } from "../api/client";

const MARK_KEY = "tidewatch.session";

/** Whether there is a session, as far as is known. */
export const signedIn = signal(false);

/** What the session may do, as the server says; `null` before it has. */
export const role = signal<Role | null>(null);

/** Why somebody is not signed in who wanted to be or was, so that the sign-in page can say so; each has its words as `login.…`. */
export type Refusal = "refused" | "usedLink" | "ended" | "wait" | "catchingUp" | "unreachable";
export const refusal = signal<Refusal | null>(null);

export function refusalOf(error: unknown, given: SignIn): Refusal {
  const status = error instanceof ApiError ? error.status : null;
  if (status === 429) return "wait";
  if (status === 503) return "catchingUp";
  if (status !== 401 && status !== 403) return "unreachable";
  return "code" in given ? "usedLink" : "refused";
}

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
  beginSession(given).then(signIn, (error: unknown) => leave(refusalOf(error, given)));
}

export function signIn(given: Role | null): void {
  refusal.value = null;
  role.value = given;
  mark(true);
  signedIn.value = true;
}

export function signOut(): void {
  void endSession();
  leave(null);
}

/** The server said that the session or its token holds no longer. */
export function sessionEnded(): void {
  leave("ended");
}

function leave(why: Refusal | null): void {
  refusal.value = why;
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
