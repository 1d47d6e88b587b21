/** Which page is in front. The model page, and with it the chart library, is loaded when first needed. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "./i18n";
import { AnalysisPage } from "./pages/analysis";
import { LoginPage } from "./pages/login";
import { OverviewPage } from "./pages/overview";
import { route } from "./route/route";
import { Header } from "./shell/header";
import { Link } from "./shell/link";
import { token } from "./store/session";

export function App() {
  if (token.value === null) return <LoginPage />;
  return (
    <>
      <a class="skip" href="#main">
        {t("app.skip")}
      </a>
      <Header />
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
  if (current.page === "model") return <LazyModelPage key={current.model} model={current.model} />;
  return (
    <div class="notice">
      <h1>404</h1>
      <Link href="/">{t("model.back")}</Link>
    </div>
  );
}

function LazyModelPage({ model }: { model: string }) {
  const [loaded, setLoaded] = useState<{ Page: ComponentType<{ model: string }> } | null>(null);
  useEffect(() => {
    void import("./pages/model").then((module) => setLoaded({ Page: module.ModelPage }));
  }, []);
  if (loaded === null) return <p class="notice quiet">{t("model.loading")}</p>;
  return <loaded.Page model={model} />;
}
