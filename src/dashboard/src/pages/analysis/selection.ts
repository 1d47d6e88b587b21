/** Which findings are looked for, kept in the address. */

import { computed } from "@preact/signals";
import { KINDS, type FindingKind } from "../../api/analysis";
import { query, setQuery } from "../../route/route";
import type { Selection } from "./order";

export const selection = computed<Selection>(() => ({
  text: query.value.get("q") ?? "",
  kind: KINDS.find((each) => each === query.value.get("kind")) ?? null,
}));

export const filterByText = (text: string): void => setQuery({ q: text === "" ? null : text }, { merge: true });

/** Choosing the chosen one again clears it. */
export const filterByKind = (kind: FindingKind | null): void => setQuery({ kind: selection.value.kind === kind ? null : kind });

export const clearFilter = (): void => setQuery({ q: null, kind: null });
