import type { Producer } from "../../api/inspector";
import { count, percent } from "../../format/number";
import { t } from "../../i18n";
import { setQuery } from "../../route/route";
import { Ago } from "../../shell/time";
import { language } from "../../store/preferences";

/** Whose records are refused; nothing is shown while nobody's are. */
export function Producers({ producers }: { producers: readonly Producer[] }) {
  if (producers.length === 0) return null;
  const locale = language.value;
  return (
    <div class="card scroller" tabIndex={0} role="region" aria-label={t("inspector.producers")}>
      <h2>{t("inspector.producers")}</h2>
      <table class="data producers">
        <caption class="visually-hidden">{t("inspector.producers")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("inspector.column.producer")}</th>
            <th scope="col">{t("inspector.column.rejected")}</th>
            <th scope="col">{t("inspector.column.share")}</th>
            <th scope="col">{t("inspector.column.last")}</th>
            <th scope="col">{t("inspector.column.why")}</th>
          </tr>
        </thead>
        <tbody>
          {producers.map(({ source, rejected, records, last_at: last, reason, detail, pointer }) => (
            <tr key={source} data-producer={source}>
              <th scope="row">
                <button type="button" class="plain" onClick={() => setQuery({ source })}>
                  {source}
                </button>
              </th>
              <td>{count(locale, rejected)}</td>
              <td>{percent(locale, rejected / Math.max(records, 1))}</td>
              <td>
                <Ago at={last} />
              </td>
              <td>
                <code>{pointer === "" ? t("inspector.whole") : pointer}</code> {detail} <small>{reason}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
