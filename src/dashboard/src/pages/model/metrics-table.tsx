import { useSignal } from "@preact/signals";
import type { Task, Window } from "../../api/types";
import { classOf, familyOf, metricRange, metricText } from "../../format/metric";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { Scroller } from "../../shell/scroller";
import { language } from "../../store/preferences";
import { metricNameFor } from "./words";

/** What one looks for first; the rest is one press away. */
const FIRST = [
  "accuracy", "balanced_accuracy", "precision", "recall", "f1", "f1_macro", "roc_auc", "log_loss", "mae", "rmse", "mape", "r2", "bias", "error_rate",
];

export function MetricsTable({ task, window }: { task: Task; window: Window }) {
  const all = useSignal(false);
  const locale = language.value;
  const known = Object.keys(window.metrics).filter((name) => window.metrics[name]!.value !== null);
  known.sort((a, b) => rank(a) - rank(b));
  const names = all.value ? known : known.filter((name) => FIRST.includes(name));
  return (
    <Scroller label={t("details.metrics")}>
      <table class="data metrics">
        <caption>{t("details.metrics")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("details.metric")}</th>
            <th scope="col">{t("details.value")}</th>
            <th scope="col">{t("details.interval")}</th>
            <th scope="col">{t("details.n")}</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const estimate = window.metrics[name]!;
            const ofClass = classOf(name);
            return (
              <tr key={name}>
                <th scope="row">
                  {metricNameFor(task, familyOf(name))}
                  {ofClass === null ? null : <small> {t("details.class", { name: ofClass })}</small>}
                </th>
                <td>{metricText(locale, name, estimate.value)}</td>
                {estimate.why === undefined ? (
                  <td class="quiet">{metricRange(locale, name, estimate.low, estimate.high)}</td>
                ) : (
                  <td class="quiet" title={t(`details.why.${estimate.why}`)}>
                    <small>{t(`details.none.${estimate.why}`)}</small>
                  </td>
                )}
                <td class="quiet">{count(locale, estimate.n)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {known.length <= names.length && !all.value ? null : (
        <button type="button" onClick={() => (all.value = !all.value)}>
          {all.value ? t("details.less") : t("details.more", { n: known.length })}
        </button>
      )}
    </Scroller>
  );
}

/** First things first, then the others as the server lists them, then the classes. */
function rank(name: string): number {
  const place = FIRST.indexOf(name);
  return place === -1 ? (classOf(name) === null ? 100 : 200) : place;
}
