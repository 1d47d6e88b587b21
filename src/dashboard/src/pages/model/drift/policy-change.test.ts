import { expect, test } from "vitest";
import { FITS, changeOf, widths, type Changeable } from "./policy-change";

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

test("widths on offer fit the traffic, part a day evenly or are a week, and the one in force is among them", () => {
  const [fits, ...offered] = widths(600);
  expect([fits, offered.at(-1), offered.includes(600), offered.length]).toEqual([FITS, 604_800, true, 37]);
  expect(offered.slice(0, -1).every((width) => width % 60 === 0 && 86_400 % width === 0)).toBe(true);
  expect(widths(7200 + 1)).toContain(7201);
});
