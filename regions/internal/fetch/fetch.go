// Package fetch asks web services for carbon intensities, politely and within
// bounds: it retries what may pass, keeps answers for as long as they hold, asks
// once for what many want at the same time, takes no endless answers, and never
// shows a token to another host.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The bounds of a request.
const (
	maxBody  = 4 << 20          // bytes of an answer; a day's forecast has some 20 kB
	attempts = 3                // at most
	attempt  = 5 * time.Second  // that each may take
	maxGap   = 10 * time.Second // the longest wait between two
	firstGap = 400 * time.Millisecond
)

// ErrNoData says that the service answered, but had nothing.
var ErrNoData = errors.New("the answer holds no data")

// A StatusError is an answer other than 200.
type StatusError struct {
	Status int
	Text   string // the beginning of the answer, on one line
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("status %d %s", e.Status, http.StatusText(e.Status))
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// A Client asks one service. Its fields must not change once it is in use;
// it is safe for concurrent use.
type Client struct {
	Base  string           // "https://api.example.org/v1"
	HTTP  *http.Client     // nil: the default transport
	Cache string           // folder for answers, "" for none
	Now   func() time.Time // nil: time.Now
	Wait  func(ctx context.Context, d time.Duration) error

	mu      sync.Mutex
	flights map[string]*flight
}

// A Request is one question. What is secret goes neither into the cache's key
// nor into an error.
type Request struct {
	Path   string
	Query  url.Values
	Header http.Header // sent, and secret
	Secret url.Values  // added to the query, and secret
	Hide   []string    // further words that no error must show
	// Fresh is how long an answer stands, counted from the last full multiple of
	// it; 0 is not kept.
	Fresh time.Duration
}

// A flight is a question that is being asked.
type flight struct {
	done      chan struct{}
	body      []byte
	err       error
	abandoned bool // the one that asked gave up
}

// Time is what the client takes for now.
func (c *Client) Time() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Get asks, and hands the answer to read. Only an answer that read takes is
// kept. An error names the host and path, never what is secret.
func (c *Client) Get(ctx context.Context, r Request, read func(body []byte) error) error {
	u, err := c.url(r)
	if err != nil {
		return err
	}
	key := c.Base + r.Path + "?" + r.Query.Encode()
	if body, ok := c.load(key, r.Fresh); ok && read(body) == nil {
		return nil
	}
	body, err := c.once(ctx, key, func() ([]byte, error) { return c.persist(ctx, u, r) })
	if err == nil {
		err = read(body)
	}
	if err != nil {
		return fmt.Errorf("%s%s: %w", u.Host, u.Path, err)
	}
	c.store(key, r.Fresh, body)
	return nil
}

// url puts the address together, and refuses to send what is secret in the
// clear, but to this machine.
func (c *Client) url(r Request) (*url.URL, error) {
	u, err := url.Parse(c.Base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("base address %s: want http:// or https:// and a host", shown(c.Base))
	}
	secret := len(r.Header) > 0 || len(r.Secret) > 0 || u.User != nil
	if ip := net.ParseIP(u.Hostname()); secret && u.Scheme == "http" && u.Hostname() != "localhost" && !(ip != nil && ip.IsLoopback()) {
		return nil, fmt.Errorf("base address http://%s: a token would be sent in the clear", u.Host)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u = u.JoinPath(r.Path)
	query := maps.Clone(r.Query)
	if query == nil {
		query = url.Values{}
	}
	maps.Copy(query, r.Secret)
	u.RawQuery = query.Encode()
	return u, nil
}

// shown is an address without what may be secret in it: user, password, query.
func shown(base string) string {
	base, _, _ = strings.Cut(base, "?")
	base, _, _ = strings.Cut(base, "#")
	scheme, rest, ok := strings.Cut(base, "//")
	if !ok {
		scheme, rest = "", base
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "…" + rest[i:]
	}
	if ok {
		rest = scheme + "//" + rest
	}
	return strconv.Quote(rest)
}

// once lets one of several equal questions through; the others get its answer.
// Where the one gave up because its own context ended, another asks.
func (c *Client) once(ctx context.Context, key string, ask func() ([]byte, error)) ([]byte, error) {
	for {
		c.mu.Lock()
		f, asked := c.flights[key]
		if !asked {
			f = &flight{done: make(chan struct{})}
			if c.flights == nil {
				c.flights = map[string]*flight{}
			}
			c.flights[key] = f
		}
		c.mu.Unlock()
		if !asked {
			f.body, f.err = ask()
			f.abandoned = f.err != nil && ctx.Err() != nil
			c.mu.Lock()
			delete(c.flights, key)
			c.mu.Unlock()
			close(f.done)
			return f.body, f.err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
		}
		if !f.abandoned {
			return f.body, f.err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// persist asks again what may pass: a busy service, one that is down for a
// moment, a connection that broke.
func (c *Client) persist(ctx context.Context, u *url.URL, r Request) ([]byte, error) {
	gap := firstGap
	for n := 1; ; n++ {
		body, after, err := c.ask(ctx, u, r)
		if err == nil || n == attempts || ctx.Err() != nil || !passing(err) {
			return body, err
		}
		// Between half and all of the gap, so that many clients spread.
		wait := gap/2 + rand.N(gap/2)
		gap *= 2
		if after > 0 {
			wait = after
		}
		if deadline, ok := ctx.Deadline(); wait > maxGap || ok && c.Now == nil && time.Until(deadline) < wait {
			return nil, fmt.Errorf("%w; it asks to wait %v", err, wait.Round(time.Second))
		}
		if waitErr := c.wait(ctx, wait); waitErr != nil {
			return nil, fmt.Errorf("%w; last: %w", waitErr, err)
		}
	}
}

func (c *Client) wait(ctx context.Context, d time.Duration) error {
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

var errTooLong = fmt.Errorf("the answer has more than %d bytes", maxBody)

// errElsewhere marks a redirect that would leave the host.
var errElsewhere = errors.New("it redirects to another host, which is not followed")

// passing tells whether asking again may help.
func passing(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		switch status.Status {
		case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	return !errors.Is(err, errTooLong) && !errors.Is(err, errElsewhere) && !errors.Is(err, ErrNoData)
}

// ask asks once. After is what the service asks to wait.
func (c *Client) ask(ctx context.Context, u *url.URL, r Request) (body []byte, after time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept", "application/json, application/xml;q=0.9")
	request.Header.Set("User-Agent", "carbonctl")
	maps.Copy(request.Header, r.Header)
	response, err := c.client(u).Do(request)
	if err != nil {
		var bare *url.Error
		if errors.As(err, &bare) {
			err = bare.Err // url.Error holds the address, and so the secret
		}
		return nil, 0, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, 0, err
	case len(body) > maxBody:
		return nil, 0, errTooLong
	case response.StatusCode == http.StatusNoContent:
		return nil, 0, ErrNoData
	case response.StatusCode != http.StatusOK:
		return nil, c.retryAfter(response.Header.Get("Retry-After")), &StatusError{response.StatusCode, excerpt(body, r)}
	}
	return body, 0, nil
}

// client follows redirects within the host alone, and never from https to http.
func (c *Client) client(u *url.URL) *http.Client {
	h := http.Client{}
	if c.HTTP != nil {
		h = *c.HTTP
	}
	h.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		if request.URL.Host != u.Host || request.URL.Scheme != u.Scheme || len(via) > 3 {
			return errElsewhere
		}
		return nil
	}
	return &h
}

// retryAfter reads seconds or a date.
func (c *Client) retryAfter(s string) time.Duration {
	if seconds, err := strconv.Atoi(s); err == nil && seconds >= 0 && seconds < 1e6 {
		return time.Duration(seconds) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(t.Sub(c.Time()), 0)
	}
	return 0
}

// excerpt is the beginning of an answer on one line, without what is secret.
func excerpt(body []byte, r Request) string {
	const most = 160
	s := strings.ToValidUTF8(string(body[:min(len(body), 4*most)]), "?")
	hide := slices.Clone(r.Hide)
	for _, values := range []map[string][]string{r.Header, r.Secret} {
		for _, list := range values {
			for _, v := range list {
				if _, word, ok := strings.Cut(v, " "); ok {
					v = word // "Bearer x"
				}
				hide = append(hide, v)
			}
		}
	}
	for _, v := range hide {
		for _, form := range []string{v, url.QueryEscape(v), url.PathEscape(v)} { // a service may echo any
			if form != "" {
				s = strings.ReplaceAll(s, form, "…")
			}
		}
	}
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == ' ' || r == 0x7f }), " ")
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return s
}
