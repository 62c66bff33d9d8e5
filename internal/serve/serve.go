// Package serve answers questions on carbon intensities over HTTP, in JSON: our
// own queries below /v1, and those of the Carbon Aware SDK's web API, so that
// what speaks to that one can speak to this. Facts on that API are from its
// documentation, read in 2026.
package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/regions"
)

// Config is what a handler answers from. Table is needed.
type Config struct {
	Table *regions.Table
	// Live is asked first, and the table where it fails; nil is the table alone.
	// Ahead gives forecasts, before the table's typical hours; nil is none.
	Live  regions.Provider
	Ahead regions.Forecaster
	// Version of the program, for the list at "/".
	Version string
	Now     func() time.Time // nil: time.Now
}

// Bounds on what is asked.
const (
	maxURL       = 8 << 10
	maxLocations = 50
	maxHours     = 7 * 24 // of one answer from the table
	maxLiveHours = 24     // of one answer from a live service, which is asked for each
	answerTime   = 25 * time.Second
)

// paths are what there is, for the list at "/".
var paths = []string{
	"/v1/intensity?region=FR[&scope=lifecycle|direct][&year=2024][&market=true]",
	"/v1/emissions?region=FR&energy=1.2kWh[&pue=1.2][&scope=…][&year=…]",
	"/v1/forecast?region=US-NY[&hours=24][&for=4h]",
	"/emissions/bylocation?location=FR[&time=…][&toTime=…]",
	"/emissions/bylocations?location=FR&location=DE[&time=…][&toTime=…]",
	"/emissions/bylocations/best?location=FR&location=DE[&time=…][&toTime=…]",
	"/emissions/average-carbon-intensity?location=FR&startTime=…&endTime=…",
	"/emissions/forecasts/current?location=US-NY[&dataStartAt=…][&dataEndAt=…][&windowSize=30]",
	"/locations",
	"/health",
}

// New returns the handler. It is safe for concurrent use, keeps nothing, and
// writes nowhere.
func New(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &server{cfg}
	mux := http.NewServeMux()
	for path, answer := range map[string]func(*http.Request) (any, error){
		"/{$}":                                s.index,
		"/health":                             s.health,
		"/v1/intensity":                       s.intensity,
		"/v1/emissions":                       s.emissions,
		"/v1/forecast":                        s.forecast,
		"/emissions/bylocation":               s.byLocation,
		"/emissions/bylocations":              s.byLocations,
		"/emissions/bylocations/best":         s.best,
		"/emissions/average-carbon-intensity": s.average,
		"/emissions/forecasts/current":        s.current,
		"/locations":                          s.locations,
	} {
		mux.Handle("GET "+path, s.handler(answer))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, "only GET is answered")
			return
		}
		problem(w, http.StatusNotFound, "there is nothing at this path; / lists what there is")
	})
	return mux
}

type server struct{ Config }

// A badRequest is a question that can't be answered as it was put.
type badRequest struct{ error }

func (e badRequest) Unwrap() error { return e.error }

// A serviceError is of the live service that was to answer.
type serviceError struct{ error }

func (e serviceError) Unwrap() error { return e.error }

// handler writes what a function answers.
func (s *server) handler(answer func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RequestURI()) > maxURL {
			problem(w, http.StatusRequestURITooLong, "the question is too long")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 0) // nothing is read from it
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		v, err := answer(r.WithContext(ctx))
		if err != nil {
			problem(w, status(err), err.Error())
			return
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // it is no page, and says so
		if err := e.Encode(v); err != nil {
			problem(w, http.StatusInternalServerError, err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(b.Bytes()) // who has gone needs no answer
	})
}

// status is the code of an error: what is asked for in the wrong way, what there
// isn't, and what a service that we ask has not given.
func status(err error) int {
	var (
		asked     badRequest
		unknown   *regions.UnknownError
		ambiguous *regions.AmbiguousError
		missing   *regions.MissingError
		service   serviceError
	)
	switch {
	case errors.As(err, &service) && !errors.Is(err, context.DeadlineExceeded):
		return http.StatusBadGateway
	case errors.As(err, &asked), errors.As(err, &ambiguous):
		return http.StatusBadRequest
	case errors.As(err, &unknown), errors.As(err, &missing):
		return http.StatusNotFound
	case errors.Is(err, regions.ErrNoForecast):
		return http.StatusNotImplemented // as the SDK has it where its source lacks one
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// problem writes an error as RFC 9457 has it, which the SDK does too.
func problem(w http.ResponseWriter, code int, detail string) {
	b, _ := json.Marshal(struct { // text and a number always encode
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(code), code, strings.ToValidUTF8(detail, "�")})
	w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
}

func (s *server) index(*http.Request) (any, error) {
	return map[string]any{"name": "carbonctl", "version": s.Version, "data": s.Table.Version(), "paths": paths}, nil
}

func (s *server) health(*http.Request) (any, error) {
	return map[string]any{"status": "ok", "version": s.Version, "data": s.Table.Version()}, nil
}

// Run serves on a listener until the context ends, then lets what is underway
// end within grace. The error is nil after an orderly end.
func Run(ctx context.Context, l net.Listener, h http.Handler, grace time.Duration) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      answerTime + 5*time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := srv.Shutdown(last)
	if err != nil {
		_ = srv.Close() // those that did not end in time
	}
	<-ended
	return err
}

// Listen opens an address for Run: a port alone, ":8080", is one of this machine
// that no other reaches; a wider address must be written out, "0.0.0.0:8080".
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
}
