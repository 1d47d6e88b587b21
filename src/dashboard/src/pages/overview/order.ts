/** Which models the list shows, and in which order. Pure, and quick enough for 10,000 of them several times a second. */

import type { ModelSummary, Status } from "../../api/types";

export const SORTS = ["status", "name", "accuracy", "error_rate", "p95", "throughput", "coverage", "drift", "updated"] as const;
export type Sort = (typeof SORTS)[number];

export interface Selection {
  text: string;
  status: Status | "stale" | null;
  sort: Sort;
  descending: boolean;
}

const SEVERITY: Record<Status, number> = { critical: 0, warning: 1, training: 2, healthy: 3 };
const collator = new Intl.Collator(undefined, { numeric: true });

/** The figure a column sorts by; `null` if the model has none, and then it comes last whichever way the column points. */
export function sortValue(model: ModelSummary, sort: Sort): number | null {
  const current = model.current;
  switch (sort) {
    case "status":
      return SEVERITY[model.status];
    case "name":
      return 0;
    case "accuracy":
      return current?.accuracy.value ?? null;
    case "error_rate":
      return current?.error_rate.value ?? null;
    case "p95":
      return current?.p95_seconds ?? null;
    case "throughput":
      return current?.throughput_per_second ?? null;
    case "coverage":
      return current?.coverage ?? null;
    case "drift":
      return model.drift?.value ?? null;
    case "updated":
      return model.last_prediction_at === null ? null : Date.parse(model.last_prediction_at);
  }
}

/** Names of the models that match `selection`, in order; equal figures fall back to the name. */
export function arrange(models: ReadonlyMap<string, ModelSummary>, selection: Selection): string[] {
  const needle = selection.text.trim().toLocaleLowerCase();
  const rows: { name: string; value: number | null }[] = [];
  for (const model of models.values()) {
    if (needle !== "" && !model.name.toLocaleLowerCase().includes(needle)) continue;
    if (selection.status === "stale" ? !model.stale : selection.status !== null && model.status !== selection.status) continue;
    rows.push({ name: model.name, value: sortValue(model, selection.sort) });
  }
  const direction = selection.descending ? -1 : 1;
  const byName = selection.sort === "name" ? direction : 1;
  rows.sort((a, b) => {
    if (a.value !== b.value) {
      if (a.value === null) return 1;
      if (b.value === null) return -1;
      return (a.value - b.value) * direction;
    }
    return collator.compare(a.name, b.name) * byName;
  });
  return rows.map((row) => row.name);
}

export interface Summary {
  total: number;
  byStatus: Record<Status, number>;
  stale: number;
  /** Predictions per second of the models that are not stale; `null` if none of them has a figure. */
  throughput: number | null;
}

export function summarise(models: ReadonlyMap<string, ModelSummary>): Summary {
  const summary: Summary = { total: models.size, byStatus: { healthy: 0, warning: 0, critical: 0, training: 0 }, stale: 0, throughput: null };
  for (const model of models.values()) {
    summary.byStatus[model.status]++;
    if (model.stale) {
      summary.stale++;
      continue;
    }
    const rate = model.current?.throughput_per_second ?? null;
    if (rate !== null) summary.throughput = (summary.throughput ?? 0) + rate;
  }
  return summary;
}
