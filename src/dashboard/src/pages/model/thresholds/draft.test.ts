import { expect, test } from "vitest";
import { changeOf, draftOf, EMPTY, open, thresholdsIn, without } from "./draft";

const f1 = { metric: "f1", direction: "below" as const, value: 0.8, margin: 0.02, source: null, unit: null, target: null };

test("a draft that is whole is sent with what was written and nothing else", () => {
  expect(changeOf({ ...EMPTY, metric: " f1 ", value: "0.8" })).toEqual({ metric: "f1", value: 0.8 });
  expect(changeOf({ ...EMPTY, metric: "bias", value: "-2", direction: "below", margin: "0" })).toEqual({ metric: "bias", value: -2, direction: "below", margin: 0 });
  expect(changeOf(draftOf(f1))).toEqual({ metric: "f1", direction: "below", value: 0.8, margin: 0.02 });
});

test("what is no number, or a sample without a source, is not sent", () => {
  expect(changeOf({ ...EMPTY, metric: "f1" })).toBeNull();
  expect(changeOf({ ...EMPTY, metric: "f1", value: "eight" })).toBeNull();
  expect(changeOf({ ...EMPTY, metric: "f1", value: "0.8", margin: "x" })).toBeNull();
  expect(changeOf({ ...EMPTY, metric: "sample/queue", value: "10" })).toBeNull();
  expect(changeOf({ ...EMPTY, metric: "sample/queue", value: "10", source: "worker", unit: "jobs", target: "5" })).toEqual({
    metric: "sample/queue",
    value: 10,
    source: "worker",
    unit: "jobs",
    target: 5,
  });
});

test("a file holds what an export wrote or a bare list, and anything else is refused", () => {
  expect(thresholdsIn(JSON.stringify({ model: "m", thresholds: [f1], suggested: [] }))).toEqual([f1]);
  expect(thresholdsIn(JSON.stringify([{ metric: "p95", value: 0.25 }]))).toEqual([{ metric: "p95", value: 0.25 }]);
  for (const text of ["", "{}", "[1]", '[{"metric":"f1","value":"0.8"}]', "null"]) expect(thresholdsIn(text)).toBeNull();
});

test("what has a threshold is suggested no more, and one of two sides can go alone", () => {
  const suggestion = { metric: "f1", direction: "below" as const, value: 0.7, reference: 0.76, n: 900 };
  expect(open([suggestion, { ...suggestion, metric: "mae" }], [f1]).map(({ metric }) => metric)).toEqual(["mae"]);
  const above = { ...f1, direction: "above" as const };
  expect(without([f1, above], f1)).toEqual([above]);
});
