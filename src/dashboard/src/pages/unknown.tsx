/** An address that leads nowhere. */

import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { at, within } from "../route/base";
import { ANALYSIS } from "../route/route";
import { Link } from "../shell/link";
import { useConnection } from "../shell/use-connection";
import { language } from "../store/preferences";

export function UnknownPage() {
  useConnection("unknown", () => []);
  useEffect(() => {
    document.title = `${t("unknown.title")} · Tidewatch`;
  }, [language.value]);
  return (
    <div class="page notice">
      <h1>{t("unknown.title")}</h1>
      <p>{t("unknown.text", { path: within(location.pathname) })}</p>
      <p>
        <Link href="/">{t("nav.overview")}</Link> · <Link href={ANALYSIS}>{t("nav.analysis")}</Link> · <a href={at("/docs/")}>{t("nav.docs")}</a>
      </p>
    </div>
  );
}
