#!/usr/bin/env bash
# Publishes a prediction, its label and a batch over HTTP. The answer, `{"seq":1}`, comes once the record is stored; with
# `?wait=applied` once it is in the figures.
set -euo pipefail
: "${TIDEWATCH_TOKEN:?set it to a token with the role operator, or to the one in .tidewatch/admin.token}"
url=${TIDEWATCH_URL:-http://127.0.0.1:8080} id=curl-$$-$(date +%s)

publish() {
  curl --fail-with-body -sS -H "Authorization: Bearer $TIDEWATCH_TOKEN" -H 'Content-Type: application/json' \
    --data "$2" "$url/api/v1/publish/$1/curl"
  echo
}

publish prediction "{\"prediction_id\":\"$id\",\"model\":\"example-curl\",\"prediction\":\"yes\",\"confidence\":0.93,\"response_time\":0.012}"
publish label "{\"prediction_id\":\"$id\",\"model\":\"example-curl\",\"actual\":\"yes\"}"
publish prediction '[{"model":"example-curl","prediction":"yes"},{"model":"example-curl","prediction":"no"}]'
