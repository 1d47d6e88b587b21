// Publishes a prediction, its label and a batch, each acknowledged. Needs `npm install` here, and Node 20.
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const root = process.env.TIDEWATCH_ROOT ?? "tw";
const connection = await connect({ servers: process.env.NATS_URL ?? "nats://127.0.0.1:4222" });
const stream = jetstream(connection);

async function publish(kind, body) {
  // The acknowledgement says where in the log the message is; without it, it may be nowhere.
  const ack = await stream.publish(`${root}.in.${kind}.javascript`, JSON.stringify(body), { timeout: 5_000 });
  console.log(`${kind} stored as ${ack.seq}`);
}

const prediction_id = `javascript-${Date.now()}`;
await publish("prediction", {
  prediction_id,
  model: "example-javascript",
  model_version: "v1",
  at: new Date().toISOString(),
  features: { amount: 12.5, country: "KR" },
  prediction: "yes",
  confidence: 0.93,
  scores: { yes: 0.93, no: 0.07 },
  response_time: 0.012,
  segment: { region: "eu" },
});
await publish("label", { prediction_id, model: "example-javascript", actual: "yes" });
// A frame: many records in one message is the fast way.
await publish("prediction", Array.from({ length: 100 }, () => ({ model: "example-javascript", prediction: "yes" })));
await connection.drain();
