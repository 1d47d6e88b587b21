/** Segments that are judged apart from the rest of their version: which columns drift in each. */

import type { DriftReport, SegmentReport } from "../../../api/drift";
import { count, MISSING } from "../../../format/number";
import { t } from "../../../i18n";
import { Scroller } from "../../../shell/scroller";
import { language } from "../../../store/preferences";
import { focus, showFocus } from "../view";
import { subjectName } from "./words";

/** `name:value`, as a segment is asked for. */
export const segmentKey = ({ segment }: SegmentReport): string => Object.entries(segment).map(([name, value]) => `${name}:${value}`).join(" ");

/** Whether the verdicts on the page are of that segment alone. */
export const isJudgedApart = (report: DriftReport, segment: string): boolean => report.segments.some((each) => segmentKey(each) === segment);

export function ApartCard({ segments }: { segments: readonly SegmentReport[] }) {
  const locale = language.value;
  if (segments.length === 0) return null;
  return (
    <section class="card" aria-labelledby="apart-title">
      <div class="section-head">
        <h2 id="apart-title">{t("apart.title")}</h2>
        <p class="chart-window">{t("apart.note")}</p>
      </div>
      <Scroller label={t("apart.title")}>
        <table class="data">
          <thead>
            <tr>
              <th scope="col">{t("slices.segment")}</th>
              <th scope="col" class="left">
                {t("status.column.drift")}
              </th>
              <th scope="col">{t("status.column.stable")}</th>
              <th scope="col">{t("status.column.no_data")}</th>
            </tr>
          </thead>
          <tbody>
            {segments.map((each) => {
              const key = segmentKey(each);
              const columns = Object.entries(each.columns);
              const of = (status: string): string[] => columns.flatMap(([subject, column]) => (column.status === status ? [subject] : []));
              const drifting = of("drift");
              const picked = focus.value.segment === key;
              return (
                <tr key={key} class={picked ? "picked" : undefined}>
                  <th scope="row">
                    <button type="button" class="pick" aria-pressed={picked} onClick={() => showFocus({ version: null, segment: picked ? null : key })}>
                      {key}
                    </button>
                  </th>
                  <td class="left">{drifting.length === 0 ? MISSING : <span class="drift-text">▲ {drifting.map(subjectName).join(", ")}</span>}</td>
                  <td>{count(locale, of("stable").length)}</td>
                  <td>{count(locale, of("no_data").length)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroller>
    </section>
  );
}
