/** One model: how it performs, whether its data drift and are in order, and how its segments do. */

import { useComputed, useSignal, type Signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError } from "../../api/client";
import { modelPath } from "../../api/paths";
import { comparisonPath, type Comparison } from "../../api/retraining";
import { api } from "../../api/session";
import type { ModelSummary } from "../../api/types";
import { t } from "../../i18n";
import { Link } from "../../shell/link";
import { useConnection } from "../../shell/use-connection";
import { usePolled } from "../../shell/use-polled";
import { addModels } from "../../store/models";
import { language } from "../../store/preferences";
import { marksOf } from "../retraining/marks";
import { Controls } from "./controls";
import { Details } from "./details";
import { DriftTab } from "./drift";
import { markersOf } from "./drift/alarms";
import { drifting } from "./drift/order";
import { useDriftReport } from "./drift/use-drift";
import { WindowsFeed } from "./feed";
import { ModelHeader } from "./header";
import { NowRow } from "./now";
import { QualityTab } from "./quality";
import { Segments, Versions } from "./slices";
import { summaryFeed, summaryIn } from "./summary-feed";
import { Tabs } from "./tabs";
import { ThresholdsTab } from "./thresholds";
import { Trends } from "./trends";
import { tab } from "./view";

/** Between two looks at who serves. */
const DECISIONS_EVERY_MS = 15_000;

export function ModelPage({ model }: { model: string }) {
  const summaries = useMemo(() => summaryFeed(model), [model]);
  const feed = useMemo(() => new WindowsFeed(model, () => api.peek()), [model]);
  const problem = useRead(model, summaries);
  const summary = useComputed(() => summaryIn(summaries.models.value, model));
  const picked = useSignal<number | null>(null);

  useConnection(`model ${model}`, () => [
    summaries.subscription,
    { channel: "windows", models: [model], intervalMs: 500, place: () => feed.place(), onFrame: (frame) => feed.hear(frame) },
  ]);
  useEffect(() => () => feed.stop(), [feed]);
  useEffect(() => {
    document.title = `${model} · Tidewatch`;
  }, [model, language.value]);

  const known = summary.value;
  if (known === null) return <Absent model={model} problem={problem} />;
  return (
    <div class="page model">
      <ModelHeader model={known} />
      <Parts model={known} feed={feed} picked={picked} />
    </div>
  );
}

interface PartsProps {
  model: ModelSummary;
  feed: WindowsFeed;
  picked: Signal<number | null>;
}

function Parts({ model, feed, picked }: PartsProps) {
  const shown = tab.value;
  const drift = useDriftReport(model);
  const decided = usePolled<Comparison>(comparisonPath(model.name), DECISIONS_EVERY_MS).held?.decisions;
  const markers = useMemo(
    () => [...markersOf(drift.body?.incidents ?? []), ...marksOf(model.name, decided ?? [])],
    [drift.body, decided, language.value],
  );
  const moved = drifting(drift.body);
  return (
    <Tabs badges={moved === 0 ? {} : { drift: t("tab.drifting", { n: moved }) }}>
      {shown === "performance" ? (
        <>
          <NowRow model={model} />
          <Controls />
          <Trends model={model} feed={feed} markers={markers} onPick={(start) => (picked.value = start)} />
          <div class="columns">
            <Details model={model} resolution={feed.resolution.value} picked={picked} markers={markers} />
            <Versions model={model} />
          </div>
        </>
      ) : null}
      {shown === "drift" ? <DriftTab model={model} report={drift} /> : null}
      {shown === "quality" ? <QualityTab model={model} report={drift} /> : null}
      {shown === "thresholds" ? <ThresholdsTab model={model} /> : null}
      {shown === "segments" ? <Segments model={model} /> : null}
    </Tabs>
  );
}

function Absent({ model, problem }: { model: string; problem: Error | null }) {
  const missing = problem instanceof ApiError && problem.status === 404;
  return (
    <div class="page notice">
      <h1>{model}</h1>
      {problem === null ? <p class="quiet">{t("model.loading")}</p> : null}
      {missing ? (
        <>
          <p>{t("model.missing")}</p>
          <p class="quiet">{t("model.missingHint")}</p>
        </>
      ) : null}
      {problem !== null && !missing ? <p class="problem">{t("model.failed", { message: problem.message })}</p> : null}
      <Link href="/">{t("model.back")}</Link>
    </div>
  );
}

/** Reads the summary once, so that the page stands before the first frame, and an unknown name is told apart from a slow one. */
function useRead(model: string, summaries: ReturnType<typeof summaryFeed>): Error | null {
  const [problem, setProblem] = useState<Error | null>(null);
  useEffect(() => {
    const reading = new AbortController();
    setProblem(null);
    api
      .peek()
      ?.get<ModelSummary>(modelPath(model), reading.signal)
      .then(({ body }) => (summaries.models.value = addModels(summaries.models.peek(), [body])))
      .catch((error: unknown) => {
        if (!reading.signal.aborted) setProblem(error instanceof Error ? error : new Error(String(error)));
      });
    return () => reading.abort();
  }, [model]);
  return problem;
}
