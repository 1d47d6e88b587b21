/**
 * Models with a story each, told as records: what is drawn is drawn from a seed, and times lie before now, so that a page shows them as it
 * would an hour later.
 */
import { publish, randomFrom } from "./drifting.mjs";

const MINUTE_MS = 60_000;
const WINDOW_MS = 10 * MINUTE_MS;

/** As many records in one request as stay well below the largest message. */
const BATCH = 500;

export async function tell(house, records) {
  for (let from = 0; from < records.length; from += BATCH) await publish(house, records.slice(from, from + BATCH), "stories");
}

/** End of the last ten minutes that are over long enough to be closed by what has just come. */
const wholeNow = () => Math.floor((Date.now() - 3 * MINUTE_MS) / WINDOW_MS) * WINDOW_MS;

/** `count` records `gap` milliseconds apart, the last of them right before `end`. */
const every = (end, gap, count, of) => Array.from({ length: count }, (_, n) => of(end - (count - n) * gap, n));

const base = (model, at, n) => ({ model, prediction_id: `${model}-${n}`, at: new Date(at).toISOString(), response_time: 0.02 });

/** Right in `share` of all cases, evenly spread; the wrong answer is the other one. */
const answered = (n, share) => {
  const prediction = n % 2 === 0 ? "yes" : "no";
  const right = Math.floor((n + 1) * share) !== Math.floor(n * share);
  return { prediction, actual: right ? prediction : prediction === "yes" ? "no" : "yes" };
};

/** Case 1: wrong every time, twenty times a minute. */
export const alwaysWrong = (model) => every(Date.now() - 1_000, 3_000, 40, (at, n) => ({ ...base(model, at, n), ...answered(n, 0) }));

/** Case 1: the first two predictions of a model. */
export const hello = (model) => every(Date.now() - 1_000, 1_000, 2, (at, n) => ({ ...base(model, at, n), ...answered(n, 1) }));

/** Case 2: a model right above its floor, like the demo's `churn`: right in 70.4 of 100 cases, 6,000 labels. */
export const aboveFloor = (model) => every(Date.now() - 1_000, 100, 6_000, (at, n) => ({ ...base(model, at, n), ...answered(n, 0.704) }));

/** Case 3: two predictions a minute for two days, of which `income` is 40 % higher in the last 42 hours but the first eight and a half. */
export function slowShift(model) {
  const random = randomFrom(3);
  return every(Date.now(), MINUTE_MS / 2, 2 * 60 * 50, (at, n) => {
    const income = 100 + 25 * (random() + random() + random() + random() - 2) * 1.7;
    const isMoved = Date.now() - 36 * 60 * MINUTE_MS < at;
    return { ...base(model, at, n), prediction: "yes", features: { income: Math.round(income * (isMoved ? 1.4 : 1) * 100) / 100, age: Math.round(60 * random()) } };
  });
}

/** Cases 7 and 8: two predictions a second, 93 % right, and 72 % in the last half hour. None of them ever fails. */
export function wrongAnswers(model) {
  const random = randomFrom(7);
  const end = wholeNow();
  const fall = end - 3 * WINDOW_MS;
  return [
    ...every(end, 500, 80 * 120, (at, n) => ({ ...base(model, at, n), features: { amount: Math.round(1_000 * random()) }, ...answered(n, at < fall ? 0.93 : 0.72) })),
    // the last window is judged once something newer has been seen
    { ...base(model, Date.now() - 1_000, 1_000_000), features: { amount: 1 }, ...answered(0, 1) },
  ];
}

/** When the answers of [`wrongAnswers`] begin to be wrong more often, in milliseconds. */
export const fallAt = () => wholeNow() - 3 * WINDOW_MS;

/** Case 6: right in 66 of 100 cases, below the floor of all models and not evidently so. */
export const fewLabels = (model) => every(Date.now() - 1_000, 2_000, 100, (at, n) => ({ ...base(model, at, n), ...answered(n, 0.66) }));

/** Cases 8 to 10: two versions, 70 and 30 % of the traffic; `amount` moves for two windows, and the last whole window is as it was. */
export function movedAndBack(model) {
  const random = randomFrom(8);
  const end = wholeNow();
  const of = (at, n) => {
    const isMoved = end - 3 * WINDOW_MS <= at && at < end - WINDOW_MS;
    const version = n % 10 < 7 ? "2" : "3";
    return { ...base(model, at, n), model_version: version, prediction: "yes", features: { amount: Math.round(1_000 * random()) / 1_000 + (isMoved ? 0.6 : 0) } };
  };
  // the last window is judged once something newer has been seen
  const newest = Date.now() - 1_000;
  const closing = Array.from({ length: 40 }, (_, n) => ({ ...of(newest + n, n), prediction_id: `${model}-last-${n}` }));
  return [...every(end, 250, 14_400, of), ...closing];
}

/** A training set for [`movedAndBack`] without what the model answers. */
export function trainingSet() {
  const random = randomFrom(9);
  return `amount\n${Array.from({ length: 1_000 }, () => Math.round(1_000 * random()) / 1_000).join("\n")}\n`;
}

/** Case 11: a forecast of 1,200 labelled rows, and a dozen predictions that are no numbers. */
export function strayValues(model) {
  const random = randomFrom(11);
  return every(Date.now() - 1_000, 200, 1_212, (at, n) => {
    const actual = Math.round(10_000 * (1 + random())) / 100;
    const isStray = 1_200 <= n;
    return { ...base(model, at, n), prediction: isStray ? "n/a" : Math.round(actual * (0.9 + 0.2 * random()) * 100) / 100, actual };
  });
}

/** Case 12: a regression of 60 rows, too few for an interval of its mean square. */
export function fewRows(model) {
  const random = randomFrom(12);
  return every(Date.now() - 1_000, 500, 60, (at, n) => ({ ...base(model, at, n), prediction: 100 + Math.round(10_000 * random()) / 100, actual: 100 + Math.round(10_000 * random()) / 100 }));
}

/** Labels that come late: 900 labelled predictions of before, and 200 of the last two minutes that nobody has labelled yet. */
export const lateLabels = (model) => [
  ...every(Date.now() - 20 * MINUTE_MS, 500, 900, (at, n) => ({ ...base(model, at, n), ...answered(n, 0.9) })),
  ...every(Date.now() - 1_000, 500, 200, (at, n) => ({ ...base(model, at, 900 + n), prediction: "yes" })),
];

/** Case 4: a prediction of more features than a reference has columns, of each of `count` models. */
export const wide = (model, count) =>
  Array.from({ length: count }, (_, nth) => ({
    ...base(`${model}-${nth}`, Date.now() - 1_000, 0),
    prediction: "yes",
    features: Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`f${n}`, n])),
  }));
