/** Talking to `/api/v1`: the session of the browser, problem documents, and nothing about what the answers mean. */

import { at } from "../route/base";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface Answer<T> {
  body: T;
  /** Stream sequence the answer was read at; `null` where the server does not say. */
  position: number | null;
}

export interface Api {
  get<T>(path: string, signal?: AbortSignal): Promise<Answer<T>>;
  /** Sends `body` as JSON; without one, an empty body. */
  put<T>(path: string, body?: unknown): Promise<Answer<T>>;
  /** Sends `body` as JSON; without one, an empty body. */
  post<T>(path: string, body?: unknown): Promise<Answer<T>>;
  delete<T>(path: string): Promise<Answer<T>>;
  /** Sends a file as it is; `onSent` hears what share of it has gone out. */
  upload<T>(path: string, file: Blob, onSent: (share: number) => void): Promise<T>;
}

/** Each step is told in its order by what it may do. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** No page of another origin can set it, so a change that comes with it is ours. */
const OURS = { "X-Requested-With": "tidewatch" };

/** A token, or the code of a link. */
export type SignIn = { token: string } | { code: string };

export interface Hearers {
  /** Called once per answer that refused the token, before the promise rejects. */
  onUnauthorized: () => void;
  /** Called with each answer that says what the token may do. */
  onRole?: (role: Role) => void;
}

export function createApi({ onUnauthorized, onRole }: Hearers, request: typeof fetch = (...args) => fetch(...args)): Api {
  const ask = async <T>(path: string, extra: RequestInit & { headers?: Record<string, string> }): Promise<Answer<T>> => {
    const response = await request(at(path), {
      credentials: "same-origin",
      cache: "no-store",
      ...extra,
      headers: { Accept: "application/json", ...OURS, ...extra.headers },
    });
    if (response.status === 401) onUnauthorized();
    if (!response.ok) throw new ApiError(response.status, problemIn(await response.text(), response.status));
    const role = ROLES.find((each) => each === response.headers.get("Tidewatch-Role"));
    if (role !== undefined) onRole?.(role);
    const position = response.headers.get("Tidewatch-Position");
    return { body: (await response.json()) as T, position: position === null ? null : Number(position) };
  };
  const send = <T>(method: "PUT" | "POST", path: string, body: unknown): Promise<Answer<T>> =>
    ask(path, body === undefined ? { method } : { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return {
    get: (path, signal) => ask(path, signal ? { signal } : {}),
    put: (path, body) => send("PUT", path, body),
    post: (path, body) => send("POST", path, body),
    delete: (path) => ask(path, { method: "DELETE" }),
    upload: (path, file, onSent) => upload(path, file, onSent, onUnauthorized),
  };
}

/** Exchanges a token or a code for a session; tells what it may do. */
export async function beginSession(given: SignIn, request: typeof fetch = (...args) => fetch(...args)): Promise<Role | null> {
  const headers = { "Content-Type": "application/json", Accept: "application/json", ...OURS };
  const response = await request(at("/api/v1/session"), { method: "POST", credentials: "same-origin", headers, body: JSON.stringify(given) });
  if (!response.ok) throw new ApiError(response.status, problemIn(await response.text(), response.status));
  const { role } = (await response.json()) as { role?: string };
  return ROLES.find((each) => each === role) ?? null;
}

/** Signs out; a server that cannot be reached leaves the cookie to its end. */
export async function endSession(request: typeof fetch = (...args) => fetch(...args)): Promise<void> {
  await request(at("/api/v1/session"), { method: "DELETE", credentials: "same-origin", headers: OURS }).catch(() => undefined);
}

/** `fetch` does not tell how far a body has gone out; this older way does. */
function upload<T>(path: string, file: Blob, onSent: (share: number) => void, onUnauthorized: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", at(path));
    for (const [name, value] of Object.entries(OURS)) request.setRequestHeader(name, value);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => onSent(total === 0 ? 1 : loaded / total);
    request.upload.onload = () => onSent(1);
    request.onerror = () => reject(new TypeError("the connection was lost"));
    request.onload = () => {
      if (request.status === 401) onUnauthorized();
      if (200 <= request.status && request.status < 300) resolve(JSON.parse(request.responseText) as T);
      else reject(new ApiError(request.status, problemIn(request.responseText, request.status)));
    };
    request.send(file);
  });
}

/** What a problem document (RFC 9457) says went wrong, or the bare status where there is none. */
export function problemIn(text: string, status: number): string {
  try {
    const problem = JSON.parse(text) as { title?: string; detail?: string };
    return problem.detail ?? problem.title ?? `HTTP ${status}`;
  } catch {
    return `HTTP ${status}`;
  }
}
