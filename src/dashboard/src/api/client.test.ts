import { expect, test } from "vitest";
import { ApiError, createApi, type Role } from "./client";

const asked: { path: string; init: RequestInit }[] = [];

function apiThatAnswers(status: number, body: string, headers: Record<string, string> = {}) {
  const heard: { roles: Role[]; refusals: number } = { roles: [], refusals: 0 };
  asked.length = 0;
  const request = ((path: string, init: RequestInit) => {
    asked.push({ path, init });
    return Promise.resolve(new Response(body, { status, headers }));
  }) as typeof fetch;
  return { api: createApi({ onUnauthorized: () => heard.refusals++, onRole: (role) => heard.roles.push(role) }, request), heard };
}

test("an answer tells its position, and what the token may do", async () => {
  const { api, heard } = apiThatAnswers(200, "[]", { "Tidewatch-Position": "7", "Tidewatch-Role": "operator" });
  expect(await api.get("/x")).toEqual({ body: [], position: 7 });
  expect(heard).toEqual({ roles: ["operator"], refusals: 0 });
  expect(asked[0]!.init).toMatchObject({ credentials: "same-origin", headers: { "X-Requested-With": "tidewatch" } });
});

test("what is put goes as JSON, and nothing as an empty body", async () => {
  const { api } = apiThatAnswers(200, "{}");
  await api.put("/x", { watch: false });
  await api.put("/x");
  expect(asked.map(({ init }) => [init.method, init.body])).toEqual([
    ["PUT", '{"watch":false}'],
    ["PUT", undefined],
  ]);
});

test("a problem is told by its detail, and what is no problem document by its status", async () => {
  const failure = (status: number, body: string) => apiThatAnswers(status, body).api.put("/x").catch((error: unknown) => error as ApiError);
  expect(await failure(422, '{"title":"Unprocessable","detail":"line 3: a row is short"}')).toMatchObject({ status: 422, message: "line 3: a row is short" });
  expect(await failure(502, "<html>")).toMatchObject({ status: 502, message: "HTTP 502" });
});

test("a token that is not accepted is told once", async () => {
  const { api, heard } = apiThatAnswers(401, "{}");
  await expect(api.get("/x")).rejects.toThrow();
  expect(heard.refusals).toBe(1);
});
