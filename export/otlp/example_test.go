package otlp_test

import (
	"context"
	"net/http"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/export/otlp"
)

func ExampleSink() {
	sink := &otlp.Sink{
		Metrics: otlp.Route{URL: "https://collector.example/v1/metrics", Header: http.Header{"Api-Key": {"from a file"}}},
		Traces:  otlp.Route{URL: "https://collector.example/v1/traces", Header: http.Header{"Api-Key": {"from a file"}}},
	}
	tracker, err := carbon.Start(context.Background(), carbon.Config{Region: "FR", Sinks: []carbon.Sink{sink}})
	if err != nil {
		return
	}
	defer tracker.Stop()
	// train
}
