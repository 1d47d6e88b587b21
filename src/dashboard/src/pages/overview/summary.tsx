import type { OverviewSummary } from "../../api/overview";
import type { Status } from "../../api/types";
import { count, MISSING, perSecond } from "../../format/number";
import { t } from "../../i18n";
import { StatusShape } from "../../shell/status-light";
import { language } from "../../store/preferences";
import { filterByStatus, selection } from "./selection";

const ORDER: readonly Status[] = ["critical", "warning", "unknown", "training", "healthy"];

/** Hidden while no model has it: most of the time nothing trains. */
const SELDOM: readonly Status[] = ["training"];

/** Counts by state, each a filter, and how much is being predicted. `null` while nothing is known yet. */
export function SummaryRow({ summary }: { summary: OverviewSummary | null }) {
  const locale = language.value;
  const chosen = selection.value.status;
  const number = (read: (known: OverviewSummary) => number): string => (summary === null ? MISSING : count(locale, read(summary)));
  const of = (status: Status) => (known: OverviewSummary) => known.by_status[status] ?? 0;
  const shown = ORDER.filter((status) => !SELDOM.includes(status) || chosen === status || (summary !== null && 0 < of(status)(summary)));
  return (
    <section class="summary" aria-label={t("overview.summary")}>
      <div class="tiles" role="group" aria-label={t("status.label")}>
        <button type="button" class="tile" aria-pressed={chosen === null} onClick={() => filterByStatus(null)}>
          <span class="tile-label">{t("status.all")}</span>
          <span class="tile-value">{number((known) => known.total)}</span>
        </button>
        {shown.map((status) => (
          <button
            type="button"
            key={status}
            class={`tile ${status}`}
            aria-pressed={chosen === status}
            onClick={() => filterByStatus(status)}
            data-empty={summary !== null && of(status)(summary) === 0}
          >
            <span class="tile-label">
              <StatusShape status={status} />
              {t(`status.${status}`)}
            </span>
            <span class="tile-value">{number(of(status))}</span>
          </button>
        ))}
        <button
          type="button"
          class="tile"
          aria-pressed={chosen === "stale"}
          onClick={() => filterByStatus("stale")}
          data-empty={summary?.stale === 0}
        >
          <span class="tile-label">{t("status.stale")}</span>
          <span class="tile-value">{number((known) => known.stale)}</span>
        </button>
      </div>
      <div class="tile rate">
        <span class="tile-label">{t("overview.rate")}</span>
        <span class="tile-value" data-testid="total-rate">
          {perSecond(locale, summary?.throughput_per_second ?? null, { second: t("unit.second"), minute: t("unit.minute") })}
        </span>
        <span class="tile-note">{t("overview.rateNote")}</span>
      </div>
    </section>
  );
}
