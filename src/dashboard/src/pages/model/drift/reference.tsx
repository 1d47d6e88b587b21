/** What is compared to, and how far it has been gathered. */

import type { DriftReport } from "../../../api/drift";
import { count } from "../../../format/number";
import { t } from "../../../i18n";
import { Moment } from "../../../shell/time";
import { language } from "../../../store/preferences";
import { ReplaceReference } from "./replace";

interface Props {
  report: DriftReport;
  /** Where it can be replaced: called once it has been. */
  onReplaced?: () => void;
}

export function ReferenceCard({ report, onReplaced }: Props) {
  const locale = language.value;
  const { reference } = report;
  const ready = reference.state === "ready";
  const progress = t("reference.progress", { rows: count(locale, reference.rows), needed: count(locale, reference.needed) });
  return (
    <section class="reference card" aria-labelledby="reference-title">
      <div class="section-head">
        <h2 id="reference-title">{t("reference.title")}</h2>
        <span class={`tag state-${reference.state}`}>{t(`reference.${reference.state}`)}</span>
      </div>
      {ready ? null : (
        <div class="gathering">
          <progress max={reference.needed} value={Math.min(reference.rows, reference.needed)} aria-label={t("reference.title")} />
          <p>
            <b>{progress}</b>{" "}
            <span class="quiet">
              {reference.place === null ? t("reference.wait") : t("reference.queue", { place: count(locale, reference.place) })}
            </span>
          </p>
        </div>
      )}
      <dl class="facts">
        <div>
          <dt>{t("reference.origin")}</dt>
          <dd>{t(reference.origin === "range" ? "reference.past" : `reference.${reference.origin}`)}</dd>
        </div>
        {ready ? (
          <div>
            <dt>{t("reference.rows")}</dt>
            <dd>{count(locale, reference.rows)}</dd>
          </div>
        ) : null}
        {reference.range ? (
          <div>
            <dt>{t("reference.stretch")}</dt>
            <dd>
              <Moment at={reference.range.from} /> – <Moment at={reference.range.to} />
            </dd>
          </div>
        ) : null}
        {reference.from === null || reference.to === null ? null : (
          <div>
            <dt>{t("reference.range")}</dt>
            <dd>
              <Moment at={reference.from} /> – <Moment at={reference.to} />
            </dd>
          </div>
        )}
        <div>
          <dt>{t("slices.version")}</dt>
          <dd>{report.version ?? t("drift.unnamed")}</dd>
        </div>
      </dl>
      {onReplaced === undefined ? null : <ReplaceReference report={report} onReplaced={onReplaced} />}
    </section>
  );
}
