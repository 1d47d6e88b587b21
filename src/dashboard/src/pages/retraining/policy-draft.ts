/** The policy as it is being edited, and what of it is new. */

import type { Mode, Policy } from "../../api/retraining";

export const FLAGS = ["auto_retrain_enabled", "search", "backup_models"] as const;
export const NUMBERS = ["performance_threshold", "drift_threshold", "retrain_interval_hours", "cooldown_hours", "window_days", "max_concurrent_tasks"] as const;
export const GATES = ["ece_increase_max", "segment_loss_max", "segment_rows_min", "p99_ms_max", "bytes_max"] as const;
export const MODES: readonly Mode[] = ["off", "propose", "auto"];

/** What stands in the fields. */
export interface Draft {
  mode: Mode;
  flags: Record<string, boolean>;
  numbers: Record<string, string>;
  gates: Record<string, string>;
}

export function draftOf(policy: Policy): Draft {
  return {
    mode: policy.mode,
    flags: Object.fromEntries(FLAGS.map((name) => [name, policy[name]])),
    numbers: Object.fromEntries(NUMBERS.map((name) => [name, String(policy[name])])),
    gates: Object.fromEntries(GATES.map((name) => [name, String(policy.gates[name] ?? "")])),
  };
}

/** What is to be sent: only what differs from the policy in force. `null`: nothing does, or a field holds no number. */
export function changeOf(policy: Policy, draft: Draft): Record<string, unknown> | null {
  const change: Record<string, unknown> = {};
  if (draft.mode !== policy.mode) change.mode = draft.mode;
  for (const name of FLAGS) if (draft.flags[name] !== policy[name]) change[name] = draft.flags[name];
  const written = [...NUMBERS.map((name) => draft.numbers[name]!), ...GATES.map((name) => draft.gates[name]!)];
  if (written.some((text) => text.trim() === "" || !Number.isFinite(Number(text)))) return null;
  for (const name of NUMBERS) if (Number(draft.numbers[name]) !== policy[name]) change[name] = Number(draft.numbers[name]);
  const gates = GATES.filter((name) => Number(draft.gates[name]) !== policy.gates[name]);
  if (gates.length !== 0) change.gates = Object.fromEntries(gates.map((name) => [name, Number(draft.gates[name])]));
  return Object.keys(change).length === 0 ? null : change;
}
