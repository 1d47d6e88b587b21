/** The overview's filter, order and groups, kept in the address so that a view can be shared and Back undoes a click. */

import { computed } from "@preact/signals";
import type { Status } from "../../api/types";
import { query, setQuery } from "../../route/route";

export const SORTS = ["status", "name", "accuracy", "error_rate", "p95_seconds", "throughput_per_second", "coverage", "drift", "last_prediction_at"] as const;
export type Sort = (typeof SORTS)[number];

/** The first click on these shows the largest first. */
const LARGEST_FIRST: ReadonlySet<Sort> = new Set(["error_rate", "p95_seconds", "throughput_per_second", "drift", "last_prediction_at"]);

export const GROUPS = ["none", "owner", "tag", "status"] as const;
export type Group = (typeof GROUPS)[number];

export interface Selection {
  text: string;
  status: Status | "stale" | null;
  tag: string | null;
  owner: string | null;
  /** Those that are archived, instead of those that are not. */
  archived: boolean;
  sort: Sort;
  descending: boolean;
  group: Group;
}

export const STATUSES: readonly (Status | "stale")[] = ["critical", "warning", "unknown", "training", "healthy", "stale"];

export function parseSelection(params: URLSearchParams): Selection {
  const [sort, status, group] = ["sort", "status", "group"].map((name) => params.get(name));
  return {
    text: params.get("q") ?? "",
    status: STATUSES.find((each) => each === status) ?? null,
    tag: params.get("tag"),
    owner: params.get("owner"),
    archived: params.get("archived") === "true",
    sort: SORTS.find((each) => each === sort) ?? "status",
    descending: params.get("order") === "desc",
    group: GROUPS.find((each) => each === group) ?? "none",
  };
}

export const selection = computed<Selection>(() => parseSelection(query.value));

/** Whether rows are one line high. */
export const compact = computed(() => query.value.get("rows") === "compact");

/** Letters of one word are one step back. */
export const filterByText = (text: string): void => setQuery({ q: text === "" ? null : text }, { merge: true });

/** Choosing the chosen one again clears it. */
export const filterByStatus = (status: Status | "stale" | null): void =>
  setQuery({ status: selection.value.status === status ? null : status });

export const filterByTag = (tag: string | null): void => setQuery({ tag });
export const filterByOwner = (owner: string | null): void => setQuery({ owner });
export const groupBy = (group: Group): void => setQuery({ group: group === "none" ? null : group });
export const showArchived = (on: boolean): void => setQuery({ archived: on ? "true" : null });
export const showCompact = (on: boolean): void => setQuery({ rows: on ? "compact" : null });

export const clearFilter = (): void => setQuery({ q: null, status: null, tag: null, owner: null, archived: null });

/** The same column again turns the order round. Figures start with the largest, which is what one looks for. */
export function sortBy(sort: Sort): void {
  const { sort: current, descending } = selection.value;
  const largestFirst = LARGEST_FIRST.has(sort);
  const next = current === sort ? !descending : largestFirst;
  setQuery({ sort: sort === "status" ? null : sort, order: next ? "desc" : null });
}
