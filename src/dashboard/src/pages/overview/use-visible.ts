/** Which rows of a long list are on screen. The page scrolls, not the list. */

import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

export interface Visible {
  first: number;
  /** One past the last. */
  end: number;
}

const OVERSCAN = 6;

export function visibleRows(top: number, viewport: number, rowHeight: number, rows: number): Visible {
  const first = Math.max(0, Math.floor(-top / rowHeight) - OVERSCAN);
  const end = Math.min(rows, Math.ceil((viewport - top) / rowHeight) + OVERSCAN);
  return { first: Math.min(first, rows), end: Math.max(end, Math.min(first, rows)) };
}

export function useVisibleRows(body: RefObject<HTMLElement | null>, rowHeight: number, rows: number): Visible {
  const [visible, setVisible] = useState<Visible>({ first: 0, end: Math.min(rows, 24) });
  useLayoutEffect(() => {
    const measure = (): void => {
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const next = visibleRows(top, window.innerHeight, rowHeight, rows);
      setVisible((held) => (held.first === next.first && held.end === next.end ? held : next));
    };
    measure();
    window.addEventListener("scroll", measure, { passive: true });
    window.addEventListener("resize", measure);
    return () => {
      window.removeEventListener("scroll", measure);
      window.removeEventListener("resize", measure);
    };
  }, [rowHeight, rows]);
  return visible;
}
