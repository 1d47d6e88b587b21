/** What is out of the ordinary in servers, services and models, and what began together. */

import { useEffect, useState } from "preact/hooks";
import { ANALYSIS_PATH, type Analysis } from "../../api/analysis";
import { api } from "../../api/session";
import { t } from "../../i18n";
import { Moment } from "../../shell/time";
import { useConnection } from "../../shell/use-connection";
import { analysis, newer } from "../../store/analysis";
import { language } from "../../store/preferences";
import { ClosedFindings, OpenFindings } from "./findings";
import { arrange } from "./order";
import { selection } from "./selection";
import { SummaryRow } from "./summary";
import { Toolbar } from "./toolbar";

export function AnalysisPage() {
  useConnection("analysis", () => []);
  const failed = useFirst();
  useEffect(() => {
    document.title = `${t("nav.analysis")} · Tidewatch`;
  }, [language.value]);
  const held = analysis.value;
  return (
    <div class="page analysis">
      <div class="title-row">
        <h1>{t("nav.analysis")}</h1>
        {held === null ? null : (
          <p class="quiet">
            {t("analysis.at")} <Moment at={held.at} />
          </p>
        )}
      </div>
      {held !== null ? <Findings analysis={held} /> : failed === null ? <p class="notice quiet">{t("analysis.loading")}</p> : <p class="notice problem">{t("analysis.failed", { message: failed })}</p>}
    </div>
  );
}

function Findings({ analysis: held }: { analysis: Analysis }) {
  const arranged = arrange(held, selection.value);
  return (
    <>
      <SummaryRow analysis={held} />
      <Toolbar />
      <OpenFindings analysis={held} entries={arranged.open} />
      <ClosedFindings findings={arranged.closed} />
    </>
  );
}

/** Reads once, so that the page stands before the first frame, and says why if it cannot. */
function useFirst(): string | null {
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => {
    const reading = new AbortController();
    api
      .peek()
      ?.get<Analysis>(ANALYSIS_PATH, reading.signal)
      .then(({ body }) => (analysis.value = newer(analysis.peek(), body)))
      .catch((error: unknown) => {
        if (!reading.signal.aborted) setFailed(error instanceof Error ? error.message : String(error));
      });
    return () => reading.abort();
  }, []);
  return failed;
}
