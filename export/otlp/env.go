package otlp

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/internal/deliver"
)

// Environment is the endpoint that stands for those of OTEL_EXPORTER_OTLP_ENDPOINT and its
// kin.
const Environment = "env"

// ErrDisabled is why nothing is sent where OTEL_SDK_DISABLED is true.
var ErrDisabled = errors.New("OTEL_SDK_DISABLED is true: nothing is sent")

// A GRPCError is why something is not sent where the environment asks for OTLP over gRPC.
type GRPCError struct{ Variable, Signal string }

func (e *GRPCError) Error() string {
	return fmt.Sprintf("%s=grpc: carbonctl sends OTLP over HTTP alone: no %s are sent", e.Variable, e.Signal)
}

// CheckURL reports what is wrong with an endpoint that a user gives: an http or https URL
// without user or password, or Environment.
func CheckURL(endpoint string) error {
	if endpoint == Environment {
		return nil
	}
	_, err := deliver.URL(endpoint, "OTEL_EXPORTER_OTLP_HEADERS")
	return err
}

// FromEnv makes a sink for an endpoint, to which /v1/metrics and /v1/traces are added, or for
// Environment. Headers, certificates, timeout, compression, the interval, resource attributes
// and the parent span are those of the OTEL_* variables, as OpenTelemetry's specification of
// SDK environment variables has them, and of TRACEPARENT; root is where the container is
// looked for. The first error is that of the endpoint; problems are what in the environment
// is wrong, and what comes of it. No text of them holds a secret.
func FromEnv(endpoint string, root fs.FS, env func(string) string) (s *Sink, problems []error, err error) {
	s = &Sink{Resource: Detect(root, env), endpoint: endpoint}
	if err := CheckURL(endpoint); err != nil {
		return nil, nil, err
	}
	if disabled, _ := strconv.ParseBool(env("OTEL_SDK_DISABLED")); disabled {
		return s, []error{ErrDisabled}, nil
	}
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	extra, err := parseResource(env("OTEL_RESOURCE_ATTRIBUTES"))
	if err != nil {
		note(fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w (ignored)", err))
	}
	for k, v := range extra {
		s.Resource[k] = v
	}
	if name := env("OTEL_SERVICE_NAME"); name != "" {
		s.Resource["service.name"] = name
	}
	if s.Parent, err = ParseParent(env("TRACEPARENT"), env("TRACESTATE")); err != nil {
		note(fmt.Errorf("TRACEPARENT: %w (ignored): the run is a trace of its own", err))
	}
	if s.Interval, err = milliseconds(env("OTEL_METRIC_EXPORT_INTERVAL")); err != nil {
		note(fmt.Errorf("OTEL_METRIC_EXPORT_INTERVAL: %w", err))
	}
	note(s.connect(env, &problems))
	said := map[string]bool{} // what holds for both signals, once
	problems = slices.DeleteFunc(problems, func(p error) bool {
		again := said[p.Error()]
		said[p.Error()] = true
		return again
	})
	return s, problems, nil
}

// connect finds where and how each signal is sent.
func (s *Sink) connect(env func(string) string, problems *[]error) error {
	var errs []error
	for _, signal := range []struct {
		name, path string
		to         *Route
	}{{"METRICS", "/v1/metrics", &s.Metrics}, {"TRACES", "/v1/traces", &s.Traces}} {
		v := variables{env, signal.name}
		if strings.TrimSpace(env("OTEL_"+signal.name+"_EXPORTER")) == "none" {
			continue
		}
		if protocol, name := v.get("PROTOCOL"); protocol == "grpc" {
			errs = append(errs, &GRPCError{name, strings.ToLower(signal.name)})
			continue
		}
		route, bad := v.route(s.endpoint, signal.path)
		*problems = append(*problems, bad...)
		*signal.to = route
	}
	if len(errs) == 2 && errs[0].(*GRPCError).Variable == errs[1].(*GRPCError).Variable {
		return &GRPCError{errs[0].(*GRPCError).Variable, "metrics and traces"}
	}
	return errors.Join(errs...)
}

// variables are those of a signal, which go before those of all.
type variables struct {
	env    func(string) string
	signal string
}

const otlpPrefix = "OTEL_EXPORTER_OTLP_"

func (v variables) get(what string) (value, name string) {
	name = otlpPrefix + v.signal + "_" + what
	if value = strings.TrimSpace(v.env(name)); value == "" {
		name = otlpPrefix + what
		value = strings.TrimSpace(v.env(name))
	}
	return value, name
}

// route is where and how a signal is sent. What is wrong is left out.
func (v variables) route(endpoint, path string) (r Route, problems []error) {
	r.URL = strings.TrimSuffix(endpoint, "/") + path
	r.Header = http.Header{}
	if endpoint == Environment {
		text, name := v.get("ENDPOINT")
		if name == otlpPrefix+"ENDPOINT" {
			text = strings.TrimSuffix(cmp.Or(text, "http://localhost:4318"), "/") + path
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return Route{}, []error{fmt.Errorf("%s is not an http or https URL: no %s are sent", name, strings.ToLower(v.signal))}
		}
		if u.User != nil { // it must not be shown
			r.Header.Set("Authorization", basic(u.User))
			u.User = nil
		}
		r.URL = u.String()
	}
	note := func(name string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	text, name := v.get("HEADERS")
	if theirs := v.elsewhere(endpoint); theirs != "" && text != "" {
		note(name, fmt.Errorf("not sent to %s, since %s_ENDPOINT is on %s", host(endpoint), otlpPrefix[:len(otlpPrefix)-1], theirs))
	} else {
		note(name, addHeaders(r.Header, text))
	}
	text, name = v.get("TIMEOUT")
	var err error
	r.Timeout, err = milliseconds(text)
	note(name, err)
	switch text, name = v.get("COMPRESSION"); text {
	case "none":
		r.Plain = true
	case "", "gzip":
	default:
		note(name, fmt.Errorf("%.20q is neither gzip nor none: gzip is used", text))
	}
	authority, name := v.get("CERTIFICATE")
	certificate, mine := v.get("CLIENT_CERTIFICATE")
	key, _ := v.get("CLIENT_KEY")
	if authority == "" {
		name = mine
	}
	if authority != "" || certificate != "" {
		r.Transport, err = deliver.TLS(authority, certificate, key, false)
		note(name, err)
	}
	return r, problems
}

// elsewhere is the host for which the environment's headers are, if that is not the
// endpoint's; "" if it is, or the environment names none.
func (v variables) elsewhere(endpoint string) string {
	if endpoint == Environment {
		return ""
	}
	text, _ := v.get("ENDPOINT")
	theirs, err := url.Parse(text)
	ours, ourErr := url.Parse(endpoint)
	if err != nil || ourErr != nil || theirs.Hostname() == "" || theirs.Hostname() == ours.Hostname() {
		return ""
	}
	return theirs.Hostname()
}

func basic(u *url.Userinfo) string {
	password, _ := u.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password))
}

// addHeaders reads key=value,key=value, percent-encoded. Its error shows no value.
func addHeaders(h http.Header, s string) error {
	for pair := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		k, v, ok := strings.Cut(pair, "=")
		v, err := url.PathUnescape(strings.TrimSpace(v))
		k = strings.TrimSpace(k)
		if !ok || !token(k) || err != nil || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return errors.New("a header is not name=value (percent-encoded), and is ignored")
		}
		h.Set(k, v)
	}
	return nil
}

// token reports whether a header may have that name.
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

// milliseconds reads a time above 0; "" is 0, for the default.
func milliseconds(s string) (time.Duration, error) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/int64(time.Millisecond) {
		return 0, fmt.Errorf("%.20q is not a number of milliseconds above 0 (ignored)", s)
	}
	return time.Duration(n) * time.Millisecond, nil
}

// host is that of a URL, which is all of it that is shown.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// oneLine is the beginning of what a receiver says, without control characters.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
	}), " ")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
