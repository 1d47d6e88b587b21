/** What came in last, each message with ✓ or with what is wrong, and whose records are refused. */

import { useEffect, useState } from "preact/hooks";
import { messagesPath, type Message } from "../../api/inspector";
import { api } from "../../api/session";
import { t } from "../../i18n";
import { query, setQuery } from "../../route/route";
import { useConnection } from "../../shell/use-connection";
import { language } from "../../store/preferences";
import { rejections } from "../../store/rejections";
import { Messages } from "./messages";
import { Producers } from "./producers";

const EVERY_MS = 2_000;

export function InspectorPage() {
  useConnection("inspector", () => []);
  const source = query.value.get("source") ?? "";
  const rejected = query.value.get("rejected") === "true";
  const { messages, failed } = useMessages(source, rejected);
  useEffect(() => {
    document.title = `${t("nav.inspector")} · Tidewatch`;
  }, [language.value]);
  return (
    <div class="page inspector">
      <div class="title-row">
        <h1>{t("nav.inspector")}</h1>
        <p class="quiet">{t("inspector.explained")}</p>
      </div>
      <div class="toolbar" role="search">
        <input
          type="search"
          class="filter"
          placeholder={t("inspector.source")}
          aria-label={t("inspector.source")}
          value={source}
          onInput={(event) => setQuery({ source: event.currentTarget.value === "" ? null : event.currentTarget.value })}
        />
        <label>
          <input type="checkbox" checked={rejected} onChange={(event) => setQuery({ rejected: event.currentTarget.checked ? "true" : null })} /> {t("inspector.only")}
        </label>
      </div>
      <Producers producers={rejections.value?.producers ?? []} />
      {messages !== null ? (
        <Messages messages={messages} />
      ) : failed === null ? (
        <p class="notice quiet">{t("inspector.loading")}</p>
      ) : (
        <p class="notice problem">{t("inspector.failed", { message: failed })}</p>
      )}
    </div>
  );
}

/** The last messages, read again every two seconds; what was read stays while the server is away. */
function useMessages(source: string, rejected: boolean): { messages: Message[] | null; failed: string | null } {
  const [messages, setMessages] = useState<Message[] | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => {
    const reading = new AbortController();
    const read = (): void => {
      if (document.hidden) return;
      api
        .peek()
        ?.get<{ items: Message[] }>(messagesPath({ source, rejected }), reading.signal)
        .then(({ body }) => {
          setMessages(body.items);
          setFailed(null);
        })
        .catch((error: unknown) => {
          if (!reading.signal.aborted) setFailed(error instanceof Error ? error.message : String(error));
        });
    };
    read();
    const timer = window.setInterval(read, EVERY_MS);
    return () => {
      reading.abort();
      window.clearInterval(timer);
    };
  }, [source, rejected]);
  return { messages, failed };
}
