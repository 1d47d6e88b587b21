/** All models at a glance. */

import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { useConnection } from "../../shell/use-connection";
import { language } from "../../store/preferences";
import { models, overviewSubscription } from "./feed";
import { ModelList } from "./list";
import { summarise } from "./order";
import { SummaryRow } from "./summary";
import { Toolbar } from "./toolbar";

export function OverviewPage() {
  useConnection("overview", () => [overviewSubscription()]);
  useEffect(() => {
    document.title = `${t("overview.title")} · Tidewatch`;
  }, [language.value]);
  const summary = useComputed(() => summarise(models.value.byName));
  const state = models.value;
  const waiting = state.epoch === null;

  return (
    <div class="page overview">
      <h1 class="visually-hidden">{t("overview.title")}</h1>
      <SummaryRow summary={waiting ? null : summary.value} />
      <Toolbar />
      {waiting ? <p class="notice quiet">{t("overview.loading")}</p> : null}
      {!waiting && state.byName.size === 0 ? (
        <div class="notice">
          <h2>{t("overview.emptyTitle")}</h2>
          <p>{t("overview.empty")}</p>
        </div>
      ) : null}
      {0 < state.byName.size ? <ModelList /> : null}
      {state.byName.size < state.total ? (
        <p class="quiet">
          {t("overview.filling", { shown: count(language.value, state.byName.size), total: count(language.value, state.total) })}
        </p>
      ) : null}
    </div>
  );
}
