/** The overview's filter and order, kept in the address so that a view can be shared. */

import { computed } from "@preact/signals";
import type { Status } from "../../api/types";
import { query, setQuery } from "../../route/route";
import { SORTS, type Selection, type Sort } from "./order";

const STATUSES: readonly (Status | "stale")[] = ["critical", "warning", "training", "healthy", "stale"];

export const selection = computed<Selection>(() => {
  const sort = query.value.get("sort");
  const status = query.value.get("status");
  return {
    text: query.value.get("q") ?? "",
    status: STATUSES.find((each) => each === status) ?? null,
    sort: SORTS.find((each) => each === sort) ?? "status",
    descending: query.value.get("order") === "desc",
  };
});

export const filterByText = (text: string): void => setQuery({ q: text === "" ? null : text });

/** Choosing the chosen one again clears it. */
export const filterByStatus = (status: Status | "stale" | null): void =>
  setQuery({ status: selection.value.status === status ? null : status });

export const clearFilter = (): void => setQuery({ q: null, status: null });

/** The same column again turns the order round. Figures start with the largest, which is what one looks for. */
export function sortBy(sort: Sort): void {
  const { sort: current, descending } = selection.value;
  const largestFirst = sort === "error_rate" || sort === "p95" || sort === "throughput" || sort === "drift" || sort === "updated";
  const next = current === sort ? !descending : largestFirst;
  setQuery({ sort: sort === "status" ? null : sort, order: next ? "desc" : null });
}
