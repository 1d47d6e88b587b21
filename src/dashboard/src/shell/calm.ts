/** Lists that change while someone reads them: nothing moves from under the pointer, and the focus is not lost. */

import { useLayoutEffect, useRef } from "preact/hooks";

/** Milliseconds after a reader's last move in which nothing changes its place. */
const CALM_MS = 10_000;

/**
 * The order to show: `wanted`, or while someone reads (`held`), the one that is on screen, so that nothing moves from under the pointer.
 * A set of other entries counts at once.
 */
export function calmOrder(shown: readonly string[], wanted: readonly string[], held: boolean): readonly string[] {
  const same = shown.length === wanted.length && new Set([...shown, ...wanted]).size === wanted.length;
  return held && same ? shown : wanted;
}

export interface Stirred {
  onPointerMove: () => void;
  onKeyDown: () => void;
  onFocusIn: () => void;
}

/** `order` calms a list of ids; `stirred` goes on the element that holds it, and notices its reader. */
export function useCalm(): { order: (wanted: readonly string[]) => readonly string[]; stirred: Stirred } {
  const shown = useRef<readonly string[]>([]);
  const active = useRef(0);
  const stir = (): void => {
    active.current = Date.now();
  };
  return {
    order: (wanted) => (shown.current = calmOrder(shown.current, wanted, Date.now() - active.current < CALM_MS)),
    stirred: { onPointerMove: stir, onKeyDown: stir, onFocusIn: stir },
  };
}

/** An element that had the focus and an id, and was moved or built anew, has it again. */
export function useKeepFocus(within: { current: HTMLElement | null }): void {
  const active = document.activeElement;
  const held = active !== null && active.id !== "" && within.current?.contains(active) === true ? active.id : null;
  useLayoutEffect(() => {
    if (held !== null && document.activeElement?.id !== held) document.getElementById(held)?.focus({ preventScroll: true });
  });
}
