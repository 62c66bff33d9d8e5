package otlp

import (
	"math"
	"strconv"
	"time"
)

// The messages of OTLP 1.x in their JSON form, as far as they are sent: names in camel
// case, 64-bit integers as strings, enumerations as numbers, IDs in hexadecimal.
// See https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
type (
	metricsRequest struct {
		ResourceMetrics []resourceMetrics `json:"resourceMetrics"`
	}
	resourceMetrics struct {
		Resource     resource       `json:"resource"`
		ScopeMetrics []scopeMetrics `json:"scopeMetrics"`
		SchemaURL    string         `json:"schemaUrl"`
	}
	scopeMetrics struct {
		Scope     scope    `json:"scope"`
		Metrics   []metric `json:"metrics"`
		SchemaURL string   `json:"schemaUrl"`
	}
	tracesRequest struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
		SchemaURL  string       `json:"schemaUrl"`
	}
	scopeSpans struct {
		Scope     scope  `json:"scope"`
		Spans     []span `json:"spans"`
		SchemaURL string `json:"schemaUrl"`
	}

	resource struct {
		Attributes []attribute `json:"attributes"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	attribute struct {
		Key   string `json:"key"`
		Value value  `json:"value"`
	}
	value struct {
		String *string  `json:"stringValue,omitempty"`
		Bool   *bool    `json:"boolValue,omitempty"`
		Int    *int64   `json:"intValue,omitempty,string"`
		Double *float64 `json:"doubleValue,omitempty"`
		Array  *array   `json:"arrayValue,omitempty"`
	}
	array struct {
		Values []value `json:"values"`
	}

	metric struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Unit        string `json:"unit"`
		Sum         *sum   `json:"sum,omitempty"`
		Gauge       *gauge `json:"gauge,omitempty"`
	}
	sum struct {
		Points      []point `json:"dataPoints"`
		Temporality int     `json:"aggregationTemporality"`
		Monotonic   bool    `json:"isMonotonic"`
	}
	gauge struct {
		Points []point `json:"dataPoints"`
	}
	point struct {
		Attributes []attribute `json:"attributes"`
		Start      nanos       `json:"startTimeUnixNano,omitzero"`
		Time       nanos       `json:"timeUnixNano"`
		Double     float64     `json:"asDouble"`
	}

	span struct {
		TraceID       string      `json:"traceId"`
		SpanID        string      `json:"spanId"`
		TraceState    string      `json:"traceState,omitempty"`
		ParentSpanID  string      `json:"parentSpanId,omitempty"`
		Flags         uint32      `json:"flags,omitempty"`
		Name          string      `json:"name"`
		Kind          int         `json:"kind"`
		Start         nanos       `json:"startTimeUnixNano"`
		End           nanos       `json:"endTimeUnixNano"`
		Attributes    []attribute `json:"attributes"`
		Events        []event     `json:"events"`
		EventsDropped int         `json:"droppedEventsCount,omitempty"`
		Status        status      `json:"status"`
	}
	event struct {
		Time       nanos       `json:"timeUnixNano"`
		Name       string      `json:"name"`
		Attributes []attribute `json:"attributes"`
	}
	status struct {
		Message string `json:"message,omitempty"`
		Code    int    `json:"code,omitempty"`
	}

	// answer is what a receiver says of what it has taken.
	answer struct {
		Partial struct {
			Points  text   `json:"rejectedDataPoints"`
			Spans   text   `json:"rejectedSpans"`
			Message string `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
)

const (
	cumulative   = 2 // aggregationTemporality
	internalSpan = 1 // kind
	failed       = 2 // status code
)

// nanos is a time in nanoseconds since 1970, a string in JSON.
type nanos int64

func at(t time.Time) nanos { return nanos(t.UnixNano()) }

func (n nanos) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatInt(max(int64(n), 0), 10)), nil
}

// text is a number that JSON has with or without quotes.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	s := string(b)
	if q, err := strconv.Unquote(s); err == nil {
		s = q
	}
	if *t = text(s); s == "null" || s == "0" {
		*t = ""
	}
	return nil
}

// attributes are made in the order in which they are added; what is not known is left out.
type attributes []attribute

func (a *attributes) text(key, v string) {
	if v != "" {
		*a = append(*a, attribute{key, value{String: &v}})
	}
}

func (a *attributes) int(key string, v int64) { *a = append(*a, attribute{key, value{Int: &v}}) }

// number is an integer that is kept as text; what is none stays text.
func (a *attributes) number(key, v string) {
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		a.int(key, n)
		return
	}
	a.text(key, v)
}

func (a *attributes) bool(key string, v bool) { *a = append(*a, attribute{key, value{Bool: &v}}) }

func (a *attributes) double(key string, v float64) {
	if finite(v) {
		*a = append(*a, attribute{key, value{Double: &v}})
	}
}

func (a *attributes) list(key string, all []string) {
	if len(all) == 0 {
		return
	}
	v := array{}
	for _, s := range all {
		v.Values = append(v.Values, value{String: &s})
	}
	*a = append(*a, attribute{key, value{Array: &v}})
}

// finite reports whether JSON can hold a number.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
