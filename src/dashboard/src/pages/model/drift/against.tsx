/** What the distributions and tests on the page compare, with how many rows each side has. */

import type { DriftReport } from "../../../api/drift";
import { count } from "../../../format/number";
import { t } from "../../../i18n";
import { Moment, Span } from "../../../shell/time";
import { language } from "../../../store/preferences";
import type { Against } from "../view";
import { rowsAgainst } from "./order";

export function AgainstNote({ report, against }: { report: DriftReport; against: Against }) {
  const n = (rows: number): string => t("value.n", { n: count(language.value, rows) });
  const before = rowsAgainst(report);
  const { from, to } = report.reference;
  return (
    <p class="quiet" data-testid="against-note">
      {t("against.shown")} <Span start={report.start} end={report.end} /> · {n(report.predictions)} {t("against.with")} {t(`against.${against}`)}
      {against !== "reference" || from === null || to === null ? null : (
        <>
          , <Moment at={from} /> – <Moment at={to} />
        </>
      )}{" "}
      · {n(before)}.{against === "reference" ? null : ` ${t(before === 0 ? "against.nothing" : "against.only")}`}
    </p>
  );
}
