/**
 * A model whose data move, published to a running Tidewatch: enough predictions for a reference, some windows like it, then some in which
 * one feature has shifted, another has a new category and a third goes missing. The same rows each time.
 */

const TEN_MINUTES_MS = 600_000;

/** Predictions in ten minutes. */
const ROWS = 600;

/** As many rows in one request as stay well below the largest message. */
const BATCH = 600;

/** Mulberry32: small, seeded, and good enough to draw test rows from. */
export function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function row(random, at, name, nth, moved) {
  const bell = () => (random() + random() + random() + random() - 2) * 1.7;
  const amount = 100 + 20 * bell() + (moved ? 30 : 0);
  const answer = amount + 10 * bell() < 115 ? "ok" : "fraud";
  const features = {
    amount: Math.round(amount * 100) / 100,
    age: Math.round(40 + 10 * bell()),
    channel: moved && random() < 0.2 ? "kiosk" : ["web", "app", "phone"][Math.floor(random() * random() * 3)],
    tenure: Math.round(60 * random()),
  };
  if (random() < (moved ? 0.25 : 0.02)) delete features.tenure;
  if (moved && random() < 0.1) features.surprise = 1;
  return {
    prediction_id: `${name}-${nth}`,
    at: new Date(at).toISOString(),
    model: name,
    model_version: "v1",
    segment: { region: random() < 0.3 ? "kr" : "us" },
    features,
    prediction: answer,
    confidence: Math.round((0.7 + 0.29 * random()) * 1000) / 1000,
    response_time: 0.02 + 0.01 * random(),
    actual: random() < (moved ? 0.75 : 0.93) ? answer : answer === "ok" ? "fraud" : "ok",
  };
}

/** Publishes `windows` ten-minute windows that end with the last whole one before now, of which the last `moved` have drifted. */
export async function publishDrifting(house, name, { windows, moved, rows = ROWS }) {
  // as wide as the rows are made for, and not as their number would have it
  await pinWindows(house, TEN_MINUTES_MS / 1_000);
  const random = randomFrom(7);
  const end = Math.floor(Date.now() / TEN_MINUTES_MS) * TEN_MINUTES_MS;
  const start = end - windows * TEN_MINUTES_MS;
  const records = Array.from({ length: windows * rows }, (_, nth) => {
    const at = start + Math.floor((nth * TEN_MINUTES_MS) / rows);
    return row(random, at, name, nth, end - moved * TEN_MINUTES_MS <= at);
  });
  for (let from = 0; from < records.length; from += BATCH) await publish(house, records.slice(from, from + BATCH));
  // The last window is judged once something newer has been seen.
  await publish(house, [row(random, Math.max(end, Date.now() - 60_000), name, records.length, 0 < moved)]);
}

async function pinWindows(house, seconds) {
  const answer = await fetch(`${house.url}/api/v1/drift/policy`, {
    method: "PUT",
    headers: { Authorization: `Bearer ${house.token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ window_seconds: seconds }),
  });
  if (!answer.ok) throw new Error(`the policy answered ${answer.status}: ${await answer.text()}`);
}

/** Publishes `count` predictions of the last seconds, none of them moved. */
export async function publishNow(house, name, count) {
  const [random, now] = [randomFrom(Date.now()), Date.now()];
  await publish(
    house,
    Array.from({ length: count }, (_, nth) => row(random, now - 5_000 + nth, name, `now-${now}-${nth}`, false)),
  );
}

/** Publishes predictions under the name of a producer; they are applied when it returns. */
export async function publish(house, records, producer = "drifting") {
  const answer = await fetch(`${house.url}/api/v1/publish/prediction/${producer}?wait=applied`, {
    method: "POST",
    headers: { Authorization: `Bearer ${house.token}`, "Content-Type": "application/json" },
    body: JSON.stringify(records),
  });
  if (!answer.ok) throw new Error(`publish answered ${answer.status}: ${await answer.text()}`);
}
