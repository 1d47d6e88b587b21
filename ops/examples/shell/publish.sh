#!/usr/bin/env bash
# Publishes a prediction, its label and a batch with the `nats` command line. `nats request` waits for the acknowledgement of the
# stream, `{"stream":"TW_INPUT","seq":1}`; plain `nats pub` does not, and is for trying things out.
set -euo pipefail
url=${NATS_URL:-nats://127.0.0.1:4222} root=${TIDEWATCH_ROOT:-tw} id=shell-$$-$(date +%s)

nats request -s "$url" --raw "$root.in.prediction.shell" \
  "{\"prediction_id\":\"$id\",\"model\":\"example-shell\",\"prediction\":\"yes\",\"confidence\":0.93,\"response_time\":0.012}"

nats request -s "$url" --raw "$root.in.label.shell" \
  "{\"prediction_id\":\"$id\",\"model\":\"example-shell\",\"actual\":\"yes\"}"

# A frame: many records in one message, applied in order and as one.
nats request -s "$url" --raw "$root.in.prediction.shell" \
  "[{\"model\":\"example-shell\",\"prediction\":\"yes\"},{\"model\":\"example-shell\",\"prediction\":\"no\"}]"
