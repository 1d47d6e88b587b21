/** Reading from `/api/v1`: bearer token, problem documents, and nothing about what the answers mean. */

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
}

/** `onUnauthorized` is called once per refused answer, before the promise rejects. */
export function createApi(token: string, onUnauthorized: () => void, request: typeof fetch = (...args) => fetch(...args)): Api {
  return {
    async get<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
      const init: RequestInit = {
        headers: { Authorization: `Bearer ${token}`, Accept: "application/json" },
        credentials: "omit",
        cache: "no-store",
      };
      if (signal) init.signal = signal;
      const response = await request(path, init);
      if (response.status === 401) onUnauthorized();
      if (!response.ok) throw new ApiError(response.status, await problemOf(response));
      const position = response.headers.get("Tidewatch-Position");
      return { body: (await response.json()) as T, position: position === null ? null : Number(position) };
    },
  };
}

/** What a problem document (RFC 9457) says went wrong, or the bare status where there is none. */
async function problemOf(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { title?: string; detail?: string };
    return problem.detail ?? problem.title ?? `HTTP ${response.status}`;
  } catch {
    return `HTTP ${response.status}`;
  }
}
