// Publishes a prediction, its label and a batch, each acknowledged. Needs Go 1.22: `go mod tidy && go run .`
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func env(name, unset string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return unset
}

func main() {
	connection, err := nats.Connect(env("NATS_URL", nats.DefaultURL))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Drain()
	stream, err := jetstream.New(connection)
	if err != nil {
		log.Fatal(err)
	}
	publish := func(kind string, body any) {
		payload, err := json.Marshal(body)
		if err != nil {
			log.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		// The acknowledgement says where in the log the message is; without it, it may be nowhere.
		ack, err := stream.Publish(ctx, env("TIDEWATCH_ROOT", "tw")+".in."+kind+".go", payload)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s stored as %d\n", kind, ack.Sequence)
	}

	id := fmt.Sprintf("go-%d", time.Now().UnixNano())
	publish("prediction", map[string]any{
		"prediction_id": id,
		"model":         "example-go",
		"model_version": "v1",
		"at":            time.Now().UTC().Format(time.RFC3339Nano),
		"features":      map[string]any{"amount": 12.5, "country": "KR"},
		"prediction":    "yes",
		"confidence":    0.93,
		"scores":        map[string]float64{"yes": 0.93, "no": 0.07},
		"response_time": 0.012,
		"segment":       map[string]string{"region": "eu"},
	})
	publish("label", map[string]any{"prediction_id": id, "model": "example-go", "actual": "yes"})
	// A frame: many records in one message is the fast way.
	frame := make([]map[string]any, 100)
	for i := range frame {
		frame[i] = map[string]any{"model": "example-go", "prediction": "yes"}
	}
	publish("prediction", frame)
}
