import "uplot/dist/uPlot.min.css";
import "./style/theme.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/overview.css";
import "./style/model.css";
import "./style/drift.css";
import "./style/forms.css";
import "./style/analysis.css";
import "./style/inspector.css";
import "./style/jobs.css";
import "./style/retraining.css";

import { render } from "preact";
import { App } from "./app";
import { startRouting } from "./route/route";
import { startClock } from "./store/clock";
import { reflectPreferences } from "./store/preferences";
import { watchRejections } from "./store/rejections";
import { followOtherTabs, restoreSession } from "./store/session";

// addresses in the page are relative; the browser would look for the icon anew below each address that is navigated to
for (const icon of document.querySelectorAll<HTMLLinkElement>('link[rel~="icon"]')) icon.href = new URL(icon.href, document.baseURI).href;
restoreSession();
followOtherTabs();
reflectPreferences(document.documentElement);
window.addEventListener("hashchange", restoreSession);
startClock();
startRouting();
watchRejections();
render(<App />, document.getElementById("app")!);
