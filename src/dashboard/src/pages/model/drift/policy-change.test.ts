import { expect, test } from "vitest";
import { changeOf, widths, type Changeable } from "./policy-change";

const policy: Changeable = {
  watch: true,
  reference_rows: 1000,
  window_seconds: 600,
  psi_threshold: 0.1,
  false_alarms_per_month: 1,
  error_run_length: 1e6,
  season: "none",
  segments: false,
};

test("only what differs is sent", () => {
  expect(changeOf(policy, {})).toEqual({});
  expect(changeOf(policy, { psi_threshold: "0.10", watch: true })).toEqual({});
  expect(changeOf(policy, { psi_threshold: "0.2", reference_rows: "500", watch: false })).toEqual({ psi_threshold: 0.2, reference_rows: 500, watch: false });
  expect(changeOf(policy, { season: "same_hour_of_week", segments: false })).toEqual({ season: "same_hour_of_week" });
  expect(changeOf(policy, { psi_threshold: " ", error_run_length: "many" })).toEqual({});
  expect(changeOf(policy, { psi_threshold: "0" })).toEqual({ psi_threshold: 0 });
});

test("every width on offer is of whole minutes and parts a day evenly, and the one in force is among them", () => {
  const offered = widths(600);
  expect(offered.every((width) => width % 60 === 0 && 86_400 % width === 0)).toBe(true);
  expect([offered[0], offered.at(-1), offered.includes(600), offered.length]).toEqual([60, 86_400, true, 36]);
  expect(widths(7200 + 1)).toContain(7201);
});
