/** Which page is in front. The model page, and with it the chart library, is loaded when first needed. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "./i18n";
import { AnalysisPage } from "./pages/analysis";
import { HostsPage } from "./pages/hosts";
import { HostPage } from "./pages/hosts/host";
import { InspectorPage } from "./pages/inspector";
import { JobsPage } from "./pages/jobs";
import { BatchPage } from "./pages/jobs/batch";
import { JobPage } from "./pages/jobs/card";
import { LoginPage } from "./pages/login";
import { OverviewPage } from "./pages/overview";
import { RetrainingPage } from "./pages/retraining";
import { RetrainedModelPage } from "./pages/retraining/model";
import { SourcePage } from "./pages/source";
import { UnknownPage } from "./pages/unknown";
import { route } from "./route/route";
import { Header } from "./shell/header";
import { Shortcuts } from "./shell/shortcuts";
import { signedIn } from "./store/session";

export function App() {
  if (!signedIn.value) return <LoginPage />;
  return (
    <>
      <a class="skip" href="#main">
        {t("app.skip")}
      </a>
      <Header />
      <Shortcuts />
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
    </>
  );
}

function Page() {
  const current = route.value;
  if (current.page === "overview") return <OverviewPage />;
  if (current.page === "analysis") return <AnalysisPage />;
  if (current.page === "source") return <SourcePage key={current.source} source={current.source} />;
  if (current.page === "inspector") return <InspectorPage />;
  if (current.page === "jobs") return <JobsPage />;
  if (current.page === "job") return <JobPage key={current.job} job={current.job} />;
  if (current.page === "batch") return <BatchPage key={current.batch} batch={current.batch} />;
  if (current.page === "retraining") return <RetrainingPage />;
  if (current.page === "retrained") return <RetrainedModelPage key={current.model} model={current.model} />;
  if (current.page === "hosts") return <HostsPage />;
  if (current.page === "host") return <HostPage key={current.host} host={current.host} />;
  if (current.page === "model") return <LazyModelPage key={current.model} model={current.model} />;
  return <UnknownPage />;
}

function LazyModelPage({ model }: { model: string }) {
  const [loaded, setLoaded] = useState<{ Page: ComponentType<{ model: string }> } | null>(null);
  useEffect(() => {
    void import("./pages/model").then((module) => setLoaded({ Page: module.ModelPage }));
  }, []);
  if (loaded === null) return <p class="notice quiet">{t("model.loading")}</p>;
  return <loaded.Page model={model} />;
}
