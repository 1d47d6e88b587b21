/** The API as the signed-in person sees it; `null` before. A 401 anywhere leads back to the sign-in page. */

import { computed } from "@preact/signals";
import { role, sessionEnded, signedIn } from "../store/session";
import { createApi, type Api } from "./client";

export const api = computed<Api | null>(() =>
  signedIn.value ? createApi({ onUnauthorized: sessionEnded, onRole: (given) => (role.value = given) }) : null,
);
