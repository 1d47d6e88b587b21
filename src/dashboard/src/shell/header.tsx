import { count } from "../format/number";
import { t } from "../i18n";
import { at } from "../route/base";
import { ANALYSIS, HOSTS, INSPECTOR, JOBS, RETRAINING, route } from "../route/route";
import { open } from "../store/analysis";
import { language, setLanguage, setTheme, theme, type Theme } from "../store/preferences";
import { rejections } from "../store/rejections";
import { signOut } from "../store/session";
import { ConnectionLight } from "./connection-light";
import { Link } from "./link";
import { Mark } from "./mark";
import { showShortcuts } from "./shortcuts";

export function Header() {
  return (
    <header class="top">
      <Link href="/" class="brand">
        <Mark />
        <span>Tidewatch</span>
      </Link>
      <Pages />
      <ConnectionLight />
      <div class="preferences">
        <Preferences />
        <button type="button" class="plain" aria-label={t("keys.title")} title={t("keys.title")} onClick={showShortcuts}>
          ?
        </button>
        <button type="button" class="plain" onClick={signOut}>
          {t("app.signOut")}
        </button>
      </div>
    </header>
  );
}

/** Where one can go, and how much is open there. */
function Pages() {
  const { page } = route.value;
  const rejected = rejections.value?.total ?? 0;
  return (
    <nav class="pages" aria-label={t("nav.label")}>
      <Link href="/" current={page === "overview"}>
        {t("nav.overview")}
      </Link>
      <Link href={ANALYSIS} current={page === "analysis"}>
        {t("nav.analysis")}
        {open.value === 0 ? null : (
          <>
            {" "}
            <span class="badge">
              {count(language.value, open.value)}
              <span class="visually-hidden"> {t("nav.open")}</span>
            </span>
          </>
        )}
      </Link>
      <Link href={RETRAINING} current={page === "retraining" || page === "retrained"}>
        {t("nav.retraining")}
      </Link>
      <Link href={JOBS} current={page === "jobs" || page === "job" || page === "batch"}>
        {t("nav.jobs")}
      </Link>
      <Link href={HOSTS} current={page === "hosts" || page === "host"}>
        {t("nav.hosts")}
      </Link>
      <Link href={INSPECTOR} current={page === "inspector"}>
        {t("nav.inspector")}
        {rejected === 0 ? null : (
          <>
            {" "}
            <span class="badge">
              {count(language.value, rejected)}
              <span class="visually-hidden"> {t("nav.rejected")}</span>
            </span>
          </>
        )}
      </Link>
      <a href={at("/docs/")}>{t("nav.docs")}</a>
    </nav>
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
