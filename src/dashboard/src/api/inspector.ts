/** The JSON of `/api/v1/messages` and `/api/v1/rejected`: what came in last, and what of it was refused. */

export interface Fault {
  /** A stable code, such as `missing_field`. */
  reason: string;
  /** One sentence in English. */
  detail: string;
  /** JSON Pointer within the message; empty for the whole of it. */
  pointer: string;
  /** What else is wrong with the same record; absent if nothing is. */
  also?: Fault[];
}

export interface Message {
  seq: number;
  stored_at: string;
  kind: string;
  /** The source token of its subject: who published it. */
  source: string;
  /** The model or source of its first record. */
  about: string | null;
  records: number;
  faulty: number;
  /** Of the first ten faulty records. */
  faults: Fault[];
}

export interface Producer {
  source: string;
  rejected: number;
  /** Records since the first refused one. */
  records: number;
  recent_share: number;
  last_at: string;
  reason: string;
  detail: string;
  pointer: string;
}

export interface Rejections {
  /** All there ever were. */
  total: number;
  /** Those with the most first. */
  producers: Producer[];
}

/** `source` and `rejected` narrow what is listed. */
export function messagesPath({ source, rejected }: { source: string; rejected: boolean }): string {
  const params = new URLSearchParams({ limit: "100" });
  if (source !== "") params.set("source", source);
  if (rejected) params.set("rejected", "true");
  return `/api/v1/messages?${params}`;
}

export const REJECTIONS_PATH = "/api/v1/rejected?limit=1";
