import type { ComponentChildren } from "preact";

interface Props {
  name: string;
  /** What the value rests on. */
  note: ComponentChildren;
  children: ComponentChildren;
}

/** One number of a `<dl class="figures">`. */
export function Figure({ name, note, children }: Props) {
  return (
    <div class="figure card">
      <dt>{name}</dt>
      <dd>
        <b>{children}</b>
        <small>{note}</small>
      </dd>
    </div>
  );
}
