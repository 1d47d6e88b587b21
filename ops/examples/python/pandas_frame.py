"""Publishes a pandas DataFrame of predictions, and one of their labels, as they are. Needs `pip install pandas pyarrow`."""

import os
import urllib.request

import pandas
import pyarrow

URL = os.environ.get("TIDEWATCH_URL", "http://127.0.0.1:8080")
TOKEN = os.environ["TIDEWATCH_TOKEN"]
ROWS = 5_000  # a message holds at most 10,000 records and 1 MiB


def publish(kind, frame):
    for start in range(0, len(frame), ROWS):
        table = pyarrow.Table.from_pandas(frame[start:start + ROWS], preserve_index=False)
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/vnd.apache.arrow.stream"}
        request = urllib.request.Request(f"{URL}/api/v1/publish/{kind}/pandas?wait=applied", sink.getvalue().to_pybytes(), headers)
        print(urllib.request.urlopen(request).read().decode())


# Columns that are no field of a prediction are features.
frame = pandas.DataFrame({
    "prediction_id": [f"pandas-{n}" for n in range(100)],
    "model": pandas.Categorical(["example-pandas"] * 100),
    "at": pandas.Timestamp.now(tz="UTC").floor("s") - pandas.to_timedelta(range(100, 0, -1), unit="s"),
    "prediction": [n % 2 == 0 for n in range(100)],
    "confidence": [0.5 + n / 250 for n in range(100)],
    "amount": [None if n == 7 else n * 1.5 for n in range(100)],
    "country": ["KR", "PT"] * 50,
})
truth = pandas.DataFrame({"prediction_id": frame["prediction_id"], "model": frame["model"], "actual": [n % 4 == 0 for n in range(100)]})
publish("prediction", frame)
publish("label", truth)
