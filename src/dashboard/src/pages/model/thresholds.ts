import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/session";
import type { Thresholds } from "../../api/types";

/** What models are compared with. Without them everything is shown the same, less a line or a word. */
export function useThresholds(): Thresholds {
  const [thresholds, setThresholds] = useState<Thresholds>({});
  useEffect(() => {
    const reading = new AbortController();
    api
      .peek()
      ?.get<Thresholds>("/api/v1/thresholds", reading.signal)
      .then(({ body }) => setThresholds(body))
      .catch(() => undefined);
    return () => reading.abort();
  }, []);
  return thresholds;
}
