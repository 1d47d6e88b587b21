"""Publishes a prediction, its label and a batch, each acknowledged. Needs `pip install nats-py`."""

import asyncio
import json
import os
import time

import nats


async def main():
    root = os.environ.get("TIDEWATCH_ROOT", "tw")
    connection = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
    stream = connection.jetstream()

    async def publish(kind, body):
        # The acknowledgement says where in the log the message is; without it, it may be nowhere.
        ack = await stream.publish(f"{root}.in.{kind}.python", json.dumps(body).encode(), timeout=5)
        print(f"{kind} stored as {ack.seq}")

    prediction_id = f"python-{time.time_ns()}"
    await publish("prediction", {
        "prediction_id": prediction_id,
        "model": "example-python",
        "model_version": "v1",
        "at": time.time(),
        "features": {"amount": 12.5, "country": "KR"},
        "prediction": "yes",
        "confidence": 0.93,
        "scores": {"yes": 0.93, "no": 0.07},
        "response_time": 0.012,
        "segment": {"region": "eu"},
    })
    await publish("label", {"prediction_id": prediction_id, "model": "example-python", "actual": "yes"})
    # A frame: many records in one message is the fast way.
    await publish("prediction", [{"model": "example-python", "prediction": "yes", "at": time.time()} for _ in range(100)])
    await connection.drain()


asyncio.run(main())
