/** A time in the reader's zone; its title, and its machine form, are UTC. */

import { ago, moment, span, utc } from "../format/time";
import { now } from "../store/clock";
import { language } from "../store/preferences";

export function Moment({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={utc(date)}>
      {moment(language.value, date, now.value)}
    </time>
  );
}

export function Ago({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={utc(date)}>
      {ago(language.value, date, now.value)}
    </time>
  );
}

export function Span({ start, end }: { start: string; end: string }) {
  const [from, to] = [new Date(start), new Date(end)];
  return (
    <time dateTime={start} title={`${utc(from)} – ${utc(to)}`}>
      {span(language.value, from, to, now.value)}
    </time>
  );
}
