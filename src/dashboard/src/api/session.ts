/** The API as the signed-in person sees it; `null` before. A 401 anywhere leads back to the sign-in page. */

import { computed } from "@preact/signals";
import { role, signOut, token } from "../store/session";
import { createApi, type Api } from "./client";

export const api = computed<Api | null>(() =>
  token.value === null ? null : createApi(token.value, { onUnauthorized: () => signOut(true), onRole: (given) => (role.value = given) }),
);
