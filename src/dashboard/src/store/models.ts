/** The list of models as frames build it: a pure fold, so that resume, epochs and disorder are testable. */

import type { ModelSummary } from "../api/types";
import type { DataFrame, Epoch } from "../live/frames";

export interface Models {
  /** `null` before the first snapshot. */
  epoch: Epoch | null;
  appliedSeq: number;
  byName: ReadonlyMap<string, ModelSummary>;
  /** How many the server has; more than `byName` holds while the rest of a long snapshot follows as changes. */
  total: number;
}

export const noModels: Models = { epoch: null, appliedSeq: 0, byName: new Map(), total: 0 };

export type Step<S> = { state: S; verdict: "applied" | "dropped" | "resync" };

interface ModelsData {
  models?: ModelSummary[];
  total?: number;
}

/**
 * * A snapshot replaces everything, unless it is older than what we hold of the same epoch.
 * * A change needs a snapshot of its own epoch before it; otherwise `resync`, and the state is emptied.
 * * A change older than the last frame is dropped, and so is a model older than the one we hold.
 */
export function foldModels(state: Models, frame: DataFrame): Step<Models> {
  const data = frame.data as ModelsData;
  const incoming = data.models ?? [];
  const known = state.epoch !== null && state.epoch === frame.epoch;
  if (known && frame.position < state.appliedSeq) return { state, verdict: "dropped" };
  if (frame.type === "snapshot") {
    const byName = new Map(incoming.map((model) => [model.name, model]));
    return {
      state: { epoch: frame.epoch, appliedSeq: frame.position, byName, total: data.total ?? byName.size },
      verdict: "applied",
    };
  }
  if (!known) return { state: noModels, verdict: "resync" };
  const byName = new Map(state.byName);
  for (const model of incoming) {
    const held = byName.get(model.name);
    if (held === undefined || held.changed_seq <= model.changed_seq) byName.set(model.name, model);
  }
  const total = Math.max(data.total ?? state.total, byName.size);
  return { state: { epoch: frame.epoch, appliedSeq: frame.position, byName, total }, verdict: "applied" };
}

/** Adds models read over HTTP; what a frame has already told us is newer and stays. */
export function addModels(state: Models, items: readonly ModelSummary[]): Models {
  const byName = new Map(state.byName);
  for (const model of items) {
    const held = byName.get(model.name);
    if (held === undefined || held.changed_seq < model.changed_seq) byName.set(model.name, model);
  }
  return { ...state, byName, total: Math.max(state.total, byName.size) };
}
