/** Why something that was asked of the server did not come to be, in words. */

import { ApiError } from "../api/client";
import { t } from "../i18n";

/** What the server says; where it cannot be heard, that. */
export function failureText(error: unknown): string {
  if (!(error instanceof ApiError)) return t("failure.lost");
  return error.status === 403 ? t("failure.denied", { message: error.message }) : error.message;
}
