import { t } from "../i18n";
import { language, setLanguage, setTheme, theme, type Theme } from "../store/preferences";
import { signOut } from "../store/session";
import { ConnectionLight } from "./connection-light";
import { Link } from "./link";
import { Mark } from "./mark";

export function Header() {
  return (
    <header class="top">
      <Link href="/" class="brand">
        <Mark />
        <span>Tidewatch</span>
      </Link>
      <ConnectionLight />
      <div class="preferences">
        <Preferences />
        <button type="button" class="plain" onClick={() => signOut(false)}>
          {t("app.signOut")}
        </button>
      </div>
    </header>
  );
}

export function Preferences() {
  return (
    <>
      <select
        aria-label={t("app.language")}
        value={language.value}
        onChange={(event) => setLanguage(event.currentTarget.value === "ko" ? "ko" : "en")}
      >
        <option value="en" lang="en">
          English
        </option>
        <option value="ko" lang="ko">
          한국어
        </option>
      </select>
      <select aria-label={t("app.theme")} value={theme.value} onChange={(event) => setTheme(event.currentTarget.value as Theme)}>
        <option value="system">{t("theme.system")}</option>
        <option value="light">{t("theme.light")}</option>
        <option value="dark">{t("theme.dark")}</option>
      </select>
    </>
  );
}
