/** An answer of the API that is read again and again while the page is in front. What was read stays while the server is away. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/session";

/** `every`: milliseconds between two readings. */
export function usePolled<T>(path: string, every: number): { held: T | null; failed: string | null } {
  const [state, setState] = useState<{ path: string; held: T | null; failed: string | null }>({ path, held: null, failed: null });
  useEffect(() => {
    const reading = new AbortController();
    const read = (): void => {
      if (document.hidden) return;
      api
        .peek()
        ?.get<T>(path, reading.signal)
        .then(({ body }) => setState({ path, held: body, failed: null }))
        .catch((error: unknown) => {
          if (reading.signal.aborted) return;
          const failed = error instanceof Error ? error.message : String(error);
          setState((before) => ({ path, held: before.path === path ? before.held : null, failed }));
        });
    };
    read();
    const timer = window.setInterval(read, every);
    document.addEventListener("visibilitychange", read);
    return () => {
      reading.abort();
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", read);
    };
  }, [path, every]);
  return state.path === path ? state : { held: null, failed: null };
}
