import type { ComponentChildren, TargetedMouseEvent } from "preact";
import { at } from "../route/base";
import { go } from "../route/route";

interface Props {
  href: string;
  class?: string;
  title?: string;
  /** Whether it leads to the page that is in front. */
  current?: boolean;
  id?: string;
  children: ComponentChildren;
}

/** A link within the dashboard: a real address, so it can be opened in a new tab, followed without a page load otherwise. */
export function Link({ href, current = false, children, ...rest }: Props) {
  const follow = (event: TargetedMouseEvent<HTMLAnchorElement>): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
  };
  return (
    <a href={at(href)} onClick={follow} aria-current={current ? "page" : undefined} {...rest}>
      {children}
    </a>
  );
}
