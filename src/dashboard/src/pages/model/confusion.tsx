import type { Confusion } from "../../api/types";
import { count, percent } from "../../format/number";
import { t } from "../../i18n";
import { language } from "../../store/preferences";

/** Rows are the truth. Shading is the share of the row, in ten steps, so that a rare class reads as clearly as a common one. */
export function ConfusionMatrix({ confusion }: { confusion: Confusion }) {
  const locale = language.value;
  return (
    <div class="scroller" tabIndex={0} role="region" aria-label={t("details.confusion")}>
      <table class="confusion">
        <caption>{t("details.confusion")}</caption>
        <thead>
          <tr>
            <th scope="col" class="corner">
              {t("details.truth")} ↓ · {t("details.predicted")} →
            </th>
            {confusion.labels.map((label) => (
              <th scope="col" key={label} title={label}>
                {label}
              </th>
            ))}
            <th scope="col">n</th>
          </tr>
        </thead>
        <tbody>
          {confusion.labels.map((truth, row) => {
            const counts = confusion.matrix[row] ?? [];
            const total = counts.reduce((sum, each) => sum + each, 0);
            return (
              <tr key={truth}>
                <th scope="row" title={truth}>
                  {truth}
                </th>
                {confusion.labels.map((predicted, column) => {
                  const n = counts[column] ?? 0;
                  const share = total === 0 ? null : n / total;
                  const step = share === null ? 0 : Math.round(share * 10);
                  const title = t("details.confusionCell", { n, total, truth, predicted });
                  return (
                    <td key={predicted} class={`${row === column ? "right" : "wrong"} shade-${step}`} title={title}>
                      {count(locale, n)}
                      <small>{percent(locale, share)}</small>
                    </td>
                  );
                })}
                <td class="total">{count(locale, total)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {confusion.left_out ? <p class="note">{t("details.confusionLeftOut", { n: confusion.left_out })}</p> : null}
    </div>
  );
}
