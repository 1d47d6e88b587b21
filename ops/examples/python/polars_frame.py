"""Publishes a polars DataFrame of predictions, and one of their labels, as they are. Needs `pip install polars`."""

import io
import os
import urllib.request
from datetime import datetime, timedelta, timezone

import polars

URL = os.environ.get("TIDEWATCH_URL", "http://127.0.0.1:8080")
TOKEN = os.environ["TIDEWATCH_TOKEN"]
ROWS = 5_000  # a message holds at most 10,000 records and 1 MiB


def publish(kind, frame):
    for rows in frame.iter_slices(ROWS):
        body = io.BytesIO()
        rows.write_ipc_stream(body, compression="zstd")
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/vnd.apache.arrow.stream"}
        request = urllib.request.Request(f"{URL}/api/v1/publish/{kind}/polars?wait=applied", body.getvalue(), headers)
        print(urllib.request.urlopen(request).read().decode())


# Columns that are no field of a prediction are features.
now = datetime.now(timezone.utc)
frame = polars.DataFrame({
    "prediction_id": [f"polars-{n}" for n in range(100)],
    "model": polars.Series(["example-polars"] * 100, dtype=polars.Categorical),
    "at": [now - timedelta(seconds=n) for n in range(100, 0, -1)],
    "prediction": [n % 2 == 0 for n in range(100)],
    "confidence": [0.5 + n / 250 for n in range(100)],
    "amount": [None if n == 7 else n * 1.5 for n in range(100)],
    "country": ["KR", "PT"] * 50,
})
truth = frame.select("prediction_id", "model", actual=polars.Series([n % 4 == 0 for n in range(100)]))
publish("prediction", frame)
publish("label", truth)
