/** Sign-in: a token pasted into a form. One that came in the address never gets here. */

import { signal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { beginSession } from "../api/client";
import { t } from "../i18n";
import { Preferences } from "../shell/header";
import { Mark } from "../shell/mark";
import { refusal, refusalOf, signIn } from "../store/session";

const checking = signal(false);

export function LoginPage() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = `${t("login.title")} · Tidewatch`;
    field.current?.focus();
  }, []);

  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = field.current?.value.trim() ?? "";
    if (given !== "") void check(given);
  };

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
          aria-invalid={refusal.value !== null}
        />
        <p id="login-problem" class="problem" role="alert">
          {refusal.value === null ? "" : t(`login.${refusal.value}`)}
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
  refusal.value = null;
  checking.value = true;
  try {
    signIn(await beginSession({ token: given }));
  } catch (error) {
    refusal.value = refusalOf(error, { token: given });
  } finally {
    checking.value = false;
  }
}
