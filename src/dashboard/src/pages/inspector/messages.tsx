import type { Fault, Message } from "../../api/inspector";
import { count } from "../../format/number";
import { t } from "../../i18n";
import { Moment } from "../../shell/time";
import { language } from "../../store/preferences";

export function Messages({ messages }: { messages: readonly Message[] }) {
  if (messages.length === 0) {
    return (
      <div class="notice">
        <p>{t("inspector.empty")}</p>
        <p class="quiet">{t("inspector.emptyHint")}</p>
      </div>
    );
  }
  return (
    <div class="card scroller" tabIndex={0} role="region" aria-label={t("inspector.messages")}>
      <table class="data messages">
        <caption class="visually-hidden">{t("inspector.messages")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("inspector.column.result")}</th>
            <th scope="col">{t("inspector.column.time")}</th>
            <th scope="col">{t("inspector.column.what")}</th>
            <th scope="col">{t("inspector.column.records")}</th>
            <th scope="col">{t("inspector.column.why")}</th>
          </tr>
        </thead>
        <tbody>
          {messages.map((message) => (
            <Row key={message.seq} message={message} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ message: { seq, stored_at: at, kind, source, about, records, faulty, faults } }: { message: Message }) {
  const locale = language.value;
  return (
    <tr data-seq={seq} class={faulty === 0 ? "read" : "rejected"}>
      <th scope="row">
        <span aria-hidden="true">{faulty === 0 ? "✓" : "✗"}</span> {t(faulty === 0 ? "inspector.read" : "inspector.rejected")}
      </th>
      <td>
        <Moment at={at} />
        <small>#{count(locale, seq)}</small>
      </td>
      <td>
        <b>{kind}</b> {source}
        {about === null || about === source ? null : <small>{about}</small>}
      </td>
      <td>{faulty === 0 ? count(locale, records) : t("inspector.of", { faulty: count(locale, faulty), records: count(locale, records) })}</td>
      <td>{faults.length === 0 ? null : <Faults faults={faults.flatMap((fault) => [fault, ...(fault.also ?? [])])} />}</td>
    </tr>
  );
}

/** Where it is wrong, in words, and the code that programs know it by. */
function Faults({ faults }: { faults: readonly Fault[] }) {
  return (
    <ul class="faults">
      {faults.map(({ reason, detail, pointer }, index) => (
        <li key={index}>
          <code>{pointer === "" ? t("inspector.whole") : pointer}</code> {detail} <small>{reason}</small>
        </li>
      ))}
    </ul>
  );
}
