/** What the server says over `/ws`, parsed once at the door. */

export type Epoch = number | string;

export interface DataFrame<T = unknown> {
  type: "snapshot" | "change";
  channel: string;
  epoch: Epoch;
  position: number;
  timestamp: string;
  data: T;
}

export interface Heartbeat {
  type: "heartbeat";
  epoch: Epoch;
  position: number;
  last_seq: number;
  timestamp: string;
}

export interface Refusal {
  type: "error";
  code: string;
  message: string;
}

export type Frame = DataFrame | Heartbeat | Refusal;

/** `null` for anything that is not a frame we know; an unknown type from a newer server is not an error. */
export function parseFrame(text: string): Frame | null {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof raw !== "object" || raw === null) return null;
  const frame = raw as Record<string, unknown>;
  switch (frame["type"]) {
    case "snapshot":
    case "change":
      return isText(frame["channel"]) && isPlace(frame) && typeof frame["data"] === "object" && frame["data"] !== null
        ? (frame as unknown as DataFrame)
        : null;
    case "heartbeat":
      return isPlace(frame) ? (frame as unknown as Heartbeat) : null;
    case "error":
      return isText(frame["code"]) ? (frame as unknown as Refusal) : null;
    default:
      return null;
  }
}

const isText = (value: unknown): value is string => typeof value === "string";

const isPlace = (frame: Record<string, unknown>): boolean =>
  typeof frame["position"] === "number" && (typeof frame["epoch"] === "number" || isText(frame["epoch"]));
