/** Answers of the server on screen: read again as the model moves, and never more often than the model moves. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../../api/session";

/** A number that follows `value`, but changes at most every `everyMs` milliseconds. */
export function usePulse(value: number, everyMs: number): number {
  const [pulse, setPulse] = useState(value);
  useEffect(() => {
    if (value === pulse) return;
    const timer = globalThis.setTimeout(() => setPulse(value), everyMs);
    return () => globalThis.clearTimeout(timer);
  }, [value === pulse, pulse]);
  return pulse;
}

export interface Reading<T> {
  /** The newest answer; it stays while the next one is on its way. */
  body: T | null;
  /** What `body` answers, which is not yet what is asked. */
  path: string;
  /** Why the last reading failed. */
  failed: string | null;
  retry: () => void;
}

interface Asking {
  path: string;
  stop: AbortController;
  /** Whether the model has moved since we asked. */
  again: boolean;
}

/**
 * What `path` answers, read once more when `pulse` changes. A reading is never cut off for the next one of the same path, so that a slow
 * server still gets to answer; another path takes its place at once.
 */
export function useReading<T>(path: string, pulse: number | string): Reading<T> {
  const [held, setHeld] = useState<{ path: string; body: T | null; failed: string | null }>({ path, body: null, failed: null });
  const current = useRef<Asking | null>(null);

  const read = (): void => {
    current.current?.stop.abort();
    const asking: Asking = { path, stop: new AbortController(), again: false };
    current.current = asking;
    api
      .peek()
      ?.get<T>(path, asking.stop.signal)
      .then(({ body }) => setHeld({ path, body, failed: null }))
      .catch((error: unknown) => {
        if (asking.stop.signal.aborted) return;
        const failed = error instanceof Error ? error.message : String(error);
        setHeld((before) => ({ path, body: before.path === path ? before.body : null, failed }));
      })
      .finally(() => {
        if (current.current !== asking) return;
        current.current = null;
        if (asking.again) read();
      });
  };
  useEffect(() => {
    if (current.current?.path === path) current.current.again = true;
    else read();
  }, [path, pulse]);
  useEffect(
    () => () => {
      current.current?.stop.abort();
      current.current = null;
    },
    [],
  );
  return { ...held, retry: read };
}
