/** Live, silent or reconnecting: by shape, word and colour, announced politely when it changes. */

import { count } from "../format/number";
import { clockSeconds } from "../format/time";
import { t } from "../i18n";
import { connection, heartbeat } from "../store/live";
import { language } from "../store/preferences";

export function ConnectionLight() {
  const state = connection.value;
  const since = "since" in state ? clockSeconds(language.value, new Date(state.since)) : "";
  return (
    <p class={`connection ${state.kind}`} title={placeText()} data-state={state.kind}>
      <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
        {state.kind === "live" ? <circle cx="5" cy="5" r="4" /> : null}
        {state.kind === "stale" ? <path d="M1 9 5 1l4 8z" /> : null}
        {state.kind === "connecting" || state.kind === "reconnecting" ? <circle class="ring" cx="5" cy="5" r="3.5" /> : null}
      </svg>
      <span role="status" aria-live="polite">
        <span class="visually-hidden">{t("connection.label")}: </span>
        {t(`connection.${state.kind}`, { time: since })}
      </span>
    </p>
  );
}

function placeText(): string {
  const beat = heartbeat.value;
  if (beat === null) return "";
  const lag = Math.max(0, beat.last_seq - beat.position);
  const position = count(language.value, beat.position);
  return lag === 0 ? t("connection.caughtUp", { position }) : t("connection.position", { position, lag: count(language.value, lag) });
}
