package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of one question.
const (
	queryTime   = 2 * time.Minute
	maxError    = 64 << 10 // bytes that are read of an answer that is an error
	maxLabels   = 200      // of a series
	maxWarnings = 3
)

// Auth is what a store asks for: a token, or a user and a password; Tenant is the
// X-Scope-OrgID of Mimir and its kin. The zero Auth is nothing.
type Auth struct{ Token, User, Password, Tenant string }

// client asks a store over the HTTP API of Prometheus.
type client struct {
	base *url.URL
	auth Auth
	http http.Client

	warnings []string // what it has said besides, each once
}

// warn takes what a store says of an answer that may lack something, as Thanos and Mimir do
// where a part of them is down. What Prometheus says of the query itself is no news.
func (c *client) warn(all []string) {
	for _, w := range all {
		w = oneLine(w)
		if w != "" && len(c.warnings) < maxWarnings && !strings.HasPrefix(w, "PromQL info") && !slices.Contains(c.warnings, w) {
			c.warnings = append(c.warnings, w)
		}
	}
}

func newClient(address string, auth Auth, via http.RoundTripper) (*client, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("invalid URL: use prometheus:http://HOST:PORT")
	case u.User != nil:
		return nil, errors.New("the URL holds a user or password, which other users can see: set CARBONCTL_PROMETHEUS_USER and CARBONCTL_PROMETHEUS_PASSWORD")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("invalid URL: it must end with the path of the API's root, before /api/v1")
	}
	c := &client{base: u, auth: auth}
	c.http = http.Client{Transport: via, CheckRedirect: func(to *http.Request, via []*http.Request) error {
		if first := via[0]; len(via) > 5 || to.URL.Host != first.URL.Host || to.URL.Scheme != first.URL.Scheme {
			return fmt.Errorf("redirected to another host (%.60s): name that one if you trust it", to.URL.Host)
		}
		return nil
	}}
	return c, nil
}

// An Error is what a store answers instead of data. It names no more than the host.
type Error struct {
	Status int
	Type   string // "execution", "timeout" … "" where the API did not answer
	Text   string
}

func (e *Error) Error() string {
	s := strings.TrimSpace(strconv.Itoa(e.Status) + " " + http.StatusText(e.Status))
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// tooMuch reports whether a shorter range might be answered.
func (e *Error) tooMuch() bool {
	return e.Type == "execution" || e.Type == "timeout" || e.Type == "bad_data" && strings.Contains(e.Text, "exceeded maximum resolution") ||
		e.Status == http.StatusUnprocessableEntity || e.Status == http.StatusGatewayTimeout || e.Status == http.StatusRequestEntityTooLarge
}

// A series is one of an answer. Its labels are without its name, which is "" where the
// query takes it away.
type series struct {
	name   string
	labels map[string]string
	points []point // in the order of time, none of them NaN, infinite or below 0
}

type point struct {
	at    float64 // Unix seconds
	value float64
}

// UnmarshalJSON reads [seconds, "value"].
func (p *point) UnmarshalJSON(b []byte) error {
	s := strings.TrimSuffix(strings.TrimPrefix(string(b), "["), "]")
	at, value, _ := strings.Cut(s, ",")
	value, err := strconv.Unquote(strings.TrimSpace(value))
	if err != nil {
		return fmt.Errorf("%.40q is not a sample", b)
	}
	if p.at, err = strconv.ParseFloat(strings.TrimSpace(at), 64); err != nil {
		return fmt.Errorf("%.40q is not a sample", b)
	}
	if p.value, err = strconv.ParseFloat(value, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%.40q is not a sample", b)
	}
	return nil
}

// overRange asks for a query at each step of a range, and gives the series one after the
// other: an answer is never held whole. VictoriaMetrics, which moves the steps to where it
// has cached some, leaves them as they are with nocache; others do not know it.
func (c *client) overRange(ctx context.Context, query string, from, to time.Time, step time.Duration, each func(series) error) error {
	return c.get(ctx, "query_range", url.Values{
		"query": {query}, "start": {seconds(from)}, "end": {seconds(to)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)}, "nocache": {"1"},
	}, each)
}

// at asks for a query at one time.
func (c *client) at(ctx context.Context, query string, at time.Time, each func(series) error) error {
	return c.get(ctx, "query", url.Values{"query": {query}, "time": {seconds(at)}}, each)
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1e3, 'f', -1, 64) }

func (c *client) get(ctx context.Context, what string, params url.Values, each func(series) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	u := c.base.JoinPath("api/v1", what)
	u.RawQuery = params.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "carbonctl")
	switch {
	case c.auth.User != "" || c.auth.Password != "":
		r.SetBasicAuth(c.auth.User, c.auth.Password)
	case c.auth.Token != "":
		r.Header.Set("Authorization", "Bearer "+c.auth.Token)
	}
	if c.auth.Tenant != "" {
		r.Header.Set("X-Scope-OrgID", c.auth.Tenant)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return c.failed(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return c.named(refusal(res))
	}
	if err := c.answer(json.NewDecoder(res.Body), each); err != nil {
		return c.failed(ctx, err)
	}
	return nil
}

// failed is an error without the address of the question, whose path may be a secret.
func (c *client) failed(ctx context.Context, err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op.Err
		if sys := (*os.SyscallError)(nil); errors.As(err, &sys) {
			err = sys.Err
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = &Error{Status: http.StatusGatewayTimeout, Text: fmt.Sprintf("no whole answer within %v", queryTime)}
	}
	return c.named(err)
}

func (c *client) named(err error) error { return fmt.Errorf("%s: %w", c.base.Host, err) }

func refusal(res *http.Response) error {
	e := &Error{Status: res.StatusCode}
	var body struct{ ErrorType, Error string }
	b, _ := io.ReadAll(io.LimitReader(res.Body, maxError)) // the status is told in any case
	if json.Unmarshal(b, &body) == nil {
		e.Type, e.Text = body.ErrorType, oneLine(body.Error)
	}
	return e
}

func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

// answer reads {"status":"success","data":{"result":[…]}} and gives the series.
func (c *client) answer(d *json.Decoder, each func(series) error) error {
	ok := false
	err := object(d, func(key string) error {
		switch key {
		case "status":
			var s string
			err := d.Decode(&s)
			ok = s == "success"
			return err
		case "warnings":
			var all []string
			err := d.Decode(&all)
			c.warn(all)
			return err
		case "data":
			return object(d, func(key string) error {
				if key != "result" {
					return skip(d)
				}
				return array(d, func() error { return result(d, each) })
			})
		}
		return skip(d)
	})
	switch {
	case err != nil:
		return fmt.Errorf("no answer of a Prometheus API: %w", err)
	case !ok:
		return errors.New("no answer of a Prometheus API: its status is not success")
	}
	return nil
}

func result(d *json.Decoder, each func(series) error) error {
	var r struct {
		Metric map[string]string `json:"metric"`
		Value  *point            `json:"value"`
		Values []point           `json:"values"`
	}
	if err := d.Decode(&r); err != nil {
		return err
	}
	if len(r.Metric) > maxLabels {
		return fmt.Errorf("a series with %d labels", len(r.Metric))
	}
	if r.Value != nil {
		r.Values = append(r.Values, *r.Value)
	}
	s := series{name: r.Metric["__name__"], labels: r.Metric, points: r.Values[:0]}
	delete(r.Metric, "__name__")
	if s.labels == nil {
		s.labels = map[string]string{}
	}
	for _, p := range r.Values {
		if p.value >= 0 && !math.IsInf(p.value, 0) && (len(s.points) == 0 || p.at > s.points[len(s.points)-1].at) {
			s.points = append(s.points, p)
		}
	}
	return each(s)
}

func object(d *json.Decoder, each func(key string) error) error {
	if err := delim(d, '{'); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if err := each(key.(string)); err != nil { // a key always is one
			return err
		}
	}
	return delim(d, '}')
}

func array(d *json.Decoder, each func() error) error {
	if err := delim(d, '['); err != nil {
		return err
	}
	for d.More() {
		if err := each(); err != nil {
			return err
		}
	}
	return delim(d, ']')
}

func delim(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != want {
		return errors.New("its JSON has another form")
	}
	return nil
}

func skip(d *json.Decoder) error {
	var raw json.RawMessage
	return d.Decode(&raw)
}
