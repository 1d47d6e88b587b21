/** Moments at which another version began to serve, for the charts of its model. */

import type { Decision } from "../../api/retraining";
import type { Marker } from "../../charts/markers";
import { t } from "../../i18n";
import { go, retrainingAddress } from "../../route/route";
import { seconds } from "../../store/windows";

export const marksOf = (model: string, decisions: readonly Decision[]): Marker[] =>
  decisions.flatMap(({ at, decision, to }) => {
    if (decision !== "promoted" && decision !== "rolled_back") return [];
    const version = to ?? t("retrain.elsewhere");
    const text = t(decision === "promoted" ? "retrain.markPromoted" : "retrain.markBack", { version });
    return [{ at: seconds(at), detected: decision === "rolled_back", text, open: () => go(retrainingAddress(model)) }];
  });
