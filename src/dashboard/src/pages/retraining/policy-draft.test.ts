import { expect, test } from "vitest";
import type { Policy } from "../../api/retraining";
import { changeOf, draftOf } from "./policy-draft";

const POLICY: Policy = {
  auto_retrain_enabled: false,
  max_concurrent_tasks: 2,
  retrain_interval_hours: 24,
  backup_models: true,
  performance_threshold: 0.7,
  drift_threshold: 0.2,
  mode: "propose",
  search: false,
  cooldown_hours: 6,
  window_days: 30,
  gates: { ece_increase_max: 0.02, segment_loss_max: 0.05, segment_rows_min: 100, p99_ms_max: 50, bytes_max: 67_108_864 },
  model_configs: {},
};

test("what is as it was is not sent", () => {
  expect(changeOf(POLICY, draftOf(POLICY))).toBeNull();
  const draft = draftOf(POLICY);
  draft.mode = "auto";
  draft.flags.search = true;
  draft.numbers.cooldown_hours = "0";
  draft.gates.p99_ms_max = "20.5";
  expect(changeOf(POLICY, draft)).toEqual({ mode: "auto", search: true, cooldown_hours: 0, gates: { p99_ms_max: 20.5 } });
});

test("a field without a number sends nothing", () => {
  for (const text of ["", " ", "six", "1e999"]) expect(changeOf(POLICY, { ...draftOf(POLICY), numbers: { ...draftOf(POLICY).numbers, window_days: text } })).toBeNull();
});
