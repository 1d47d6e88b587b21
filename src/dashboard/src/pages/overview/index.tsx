/** All models at a glance. */

import { useEffect } from "preact/hooks";
import { t } from "../../i18n";
import { useConnection } from "../../shell/use-connection";
import { language } from "../../store/preferences";
import { inView, overview, overviewSubscription } from "./feed";
import { ModelList } from "./list";
import { selection } from "./selection";
import { SummaryRow } from "./summary";
import { Toolbar } from "./toolbar";

/** Milliseconds that scrolling or typing must rest before the server is asked for other rows. */
const REST_MS = 60;

export function OverviewPage() {
  const renew = useConnection("overview", () => [overviewSubscription()]);
  useEffect(() => {
    document.title = `${t("overview.title")} · Tidewatch`;
  }, [language.value]);
  const asked = JSON.stringify([selection.value, inView.value]);
  useEffect(() => {
    const timer = setTimeout(() => renew("overview"), REST_MS);
    return () => clearTimeout(timer);
  }, [asked]);
  const { epoch, summary, facets } = overview.value;
  const waiting = epoch === null && summary === null;
  const none = summary !== null && summary.total + summary.archived === 0;

  return (
    <div class="page overview">
      <h1 class="visually-hidden">{t("overview.title")}</h1>
      <SummaryRow summary={summary} />
      <Toolbar facets={facets} archived={summary?.archived ?? 0} />
      {waiting ? <p class="notice quiet">{t("overview.loading")}</p> : null}
      {none ? (
        <div class="notice">
          <h2>{t("overview.emptyTitle")}</h2>
          <p>{t("overview.empty")}</p>
        </div>
      ) : null}
      {waiting || none ? null : <ModelList />}
    </div>
  );
}
