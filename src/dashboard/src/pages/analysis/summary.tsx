import { KINDS, type Analysis, type FindingKind } from "../../api/analysis";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { language } from "../../store/preferences";
import { openOf } from "./order";
import { filterByKind, selection } from "./selection";

/** Kinds that most installations never see: shown while there are some, or while they are filtered by. */
const RARE: readonly FindingKind[] = ["model_names", "source_names", "unfit", "process"];

/** Open findings by kind, each count a filter, and how much is watched. */
export function SummaryRow({ analysis }: { analysis: Analysis }) {
  const locale = language.value;
  const chosen = selection.value.kind;
  const { open, watched_series: watched, learning_series: learning, unwatched_series: unwatched } = analysis.summary;
  return (
    <section class="summary" aria-label={t("analysis.summary")}>
      <div class="tiles" role="group" aria-label={t("analysis.kind")}>
        <button type="button" class="tile" aria-pressed={chosen === null} onClick={() => filterByKind(null)}>
          <span class="tile-label">{t("analysis.open")}</span>
          <span class="tile-value">{count(locale, open)}</span>
        </button>
        {KINDS.map((kind) => {
          const n = openOf(analysis, kind);
          if (n === 0 && chosen !== kind && RARE.includes(kind)) return null;
          return (
            <button type="button" key={kind} class="tile" aria-pressed={chosen === kind} data-empty={n === 0} title={t(`kind.${kind}Title`)} onClick={() => filterByKind(kind)}>
              <span class="tile-label">{t(`kind.${kind}`)}</span>
              <span class="tile-value">{count(locale, n)}</span>
            </button>
          );
        })}
      </div>
      <div class="tile rate">
        <span class="tile-label">{t("analysis.watched")}</span>
        <span class="tile-value">{count(locale, watched)}</span>
        <span class="tile-note">{t("analysis.learning", { n: count(locale, learning) })}
          {unwatched === 0 ? null : <b> {t("analysis.unwatched", { n: count(locale, unwatched) })}</b>}</span>
      </div>
    </section>
  );
}
