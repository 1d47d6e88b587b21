/** Sign-in: a token pasted into a form. One that came in the address never gets here. */

import { signal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, beginSession } from "../api/client";
import { t, type Key } from "../i18n";
import { Preferences } from "../shell/header";
import { Mark } from "../shell/mark";
import { refused, signIn } from "../store/session";

const problem = signal<Key | null>(null);
const checking = signal(false);

export function LoginPage() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = `${t("login.title")} · Tidewatch`;
    problem.value = null;
    field.current?.focus();
  }, []);

  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = field.current?.value.trim() ?? "";
    if (given !== "") void check(given);
  };

  const message = problem.value ?? (refused.value ? "login.refused" : null);
  return (
    <main class="login">
      <form class="card" onSubmit={submit}>
        <div class="brand">
          <Mark />
          <span>Tidewatch</span>
        </div>
        <h1>{t("login.title")}</h1>
        <p id="login-lead">{t("login.lead")}</p>
        <label for="token">{t("login.token")}</label>
        <input
          ref={field}
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          aria-describedby="login-problem login-lead"
          aria-invalid={message !== null}
        />
        <p id="login-problem" class="problem" role="alert">
          {message === null ? "" : t(message)}
        </p>
        <button type="submit" class="primary" disabled={checking.value}>
          {checking.value ? t("login.checking") : t("login.submit")}
        </button>
        <p class="quiet">{t("login.where")}</p>
      </form>
      <div class="preferences">
        <Preferences />
      </div>
    </main>
  );
}

/** Asks the server before believing a token, so that a typing error is told here and not on the next page. */
async function check(given: string): Promise<void> {
  refused.value = false;
  problem.value = null;
  checking.value = true;
  try {
    signIn(await beginSession({ token: given }));
  } catch (error) {
    problem.value = problemOf(error);
  } finally {
    checking.value = false;
  }
}

function problemOf(error: unknown): Key {
  const status = error instanceof ApiError ? error.status : null;
  if (status === 429) return "login.wait";
  if (status === 503) return "login.catchingUp";
  return status === 401 || status === 403 ? "login.refused" : "login.unreachable";
}
