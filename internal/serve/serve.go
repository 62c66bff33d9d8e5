// Package serve is the web server of carbonctl: pages of runs that follow their ledgers,
// and answers on carbon intensities in JSON: our own queries below /v1, and those of the
// Carbon Aware SDK's web API, so that what speaks to that one can speak to this. Facts on
// that API are from its documentation, read in 2026.
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
	// Version of the program, for the list at /v1/.
	Version string
	Now     func() time.Time // nil: time.Now
	// Pages are what is shown of runs; nil: intensities alone are served.
	Pages *Pages
}

// Bounds on what is asked.
const (
	maxURL       = 8 << 10
	maxLocations = 50
	maxHours     = 7 * 24 // of a forecast
	maxPoints    = 20_000 // hours of all locations in one answer
	maxAsked     = 100    // questions to a live service for one answer
	answerTime   = 25 * time.Second
)

// A Handler answers. It is safe for concurrent use, and writes nowhere.
type Handler struct {
	mux   *http.ServeMux
	pages *pages // nil: none
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	h.mux.ServeHTTP(w, r)
}

// Follow adds up what is read until the context ends, so that the first page that is asked
// for does not wait for it. It is no condition for pages to be right.
func (h *Handler) Follow(ctx context.Context) {
	if h.pages != nil {
		h.pages.follow(ctx)
	}
}

// New returns the handler.
func New(cfg Config) *Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s, h := &server{cfg}, &Handler{mux: http.NewServeMux()}
	mux := h.mux
	open := func(h http.Handler) http.Handler { return h }
	if cfg.Pages != nil {
		h.pages = newPages(cfg)
		h.pages.routes(mux)
		if a := cfg.Pages.Access; !a.Wide { // what only this machine reaches no site's page may ask
			open = a.checkHost
		}
	} else {
		mux.Handle("GET /{$}", http.RedirectHandler("/v1/", http.StatusSeeOther))
	}
	for path, answer := range map[string]func(*http.Request) (any, error){
		"/health":                             s.health,
		"/healthz":                            s.health,
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
		h := s.handler(answer, 0)
		if !strings.HasPrefix(path, "/health") { // a load balancer asks by any name, or none
			h = open(h)
		}
		mux.Handle("GET "+path, h)
	}
	mux.Handle("GET /v1/{$}", open(http.HandlerFunc(s.documentation)))
	batches := map[string]bool{}
	for path, answer := range map[string]func(*http.Request) (any, error){
		"/emissions/forecasts/batch":                s.forecastBatch,
		"/emissions/average-carbon-intensity/batch": s.averageBatch,
	} {
		batches[path] = true
		mux.Handle("POST "+path, open(s.handler(answer, maxBatchBody)))
	}
	mux.Handle("/", open(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case batches[r.URL.Path]:
			w.Header().Set("Allow", "POST")
			problem(w, http.StatusMethodNotAllowed, "a list of questions is to be sent here by POST")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, "only GET is answered")
		default:
			problem(w, http.StatusNotFound, "there is nothing at this path; /v1/ lists the API")
		}
	})))
	return h
}

type server struct{ Config }

// A badRequest is a question that can't be answered as it was put.
type badRequest struct{ error }

func (e badRequest) Unwrap() error { return e.error }

// A serviceError is of the live service that was to answer.
type serviceError struct{ error }

func (e serviceError) Unwrap() error { return e.error }

// handler writes what a function answers.
func (s *server) handler(answer func(*http.Request) (any, error), maxBody int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RequestURI()) > maxURL {
			problem(w, http.StatusRequestURITooLong, "the question is too long")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
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
		form      wrongType
	)
	switch {
	case errors.As(err, &form):
		return http.StatusUnsupportedMediaType
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
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
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
		// Events end as soon as the server is to end, while answers may still be given.
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), ending{}, ctx)
		},
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
