// Package deliver sends what sinks have to say to web services: one client for all of
// them, within bounds. It repeats what may pass, follows no redirect to another host,
// takes no endless answers, and its errors show the host and nothing else of an address,
// since paths and user parts may be secrets.
package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The bounds of a delivery.
const (
	Timeout   = 5 * time.Second // of one try, where a Client has no other
	maxAnswer = 64 << 10        // bytes of an answer that are read
	maxTries  = 5               // of Do
	firstGap  = 250 * time.Millisecond
	maxGap    = 30 * time.Second // between two tries, and the most that a Retry-After adds
	redirects = 5
)

// A Client talks to one service. The zero value is ready; its fields must not change once
// it is in use. It is safe for concurrent use.
type Client struct {
	// Timeout of one try; 0 is [Timeout].
	Timeout time.Duration
	// Transport makes the connections, nil for one like Go's default, proxies from the
	// environment included. [TLS] makes one for own certificates.
	Transport http.RoundTripper
	// Agent is the User-Agent, "" for "carbonctl".
	Agent string
	// Temporary says which answers are worth another try, nil for 408, 429 and 5xx
	// without 501 and 505.
	Temporary func(status int) bool

	once sync.Once
	http *http.Client
}

// A Request is one message.
type Request struct {
	Method string // "" is POST
	URL    string
	Header http.Header // nil: none
	Body   []byte
	// Private says that the URL is a secret as a whole: no part of it is shown, also where
	// the service repeats it.
	Private bool
	// AnyAnswer takes every answer of 200 to 299 for a yes, also a web page or an error in
	// JSON: for receivers that follow no protocol.
	AnyAnswer bool
}

// A Response is an answer of 200 to 299.
type Response struct {
	Status int
	Header http.Header
	Body   []byte // its first 64 KiB
}

// Once sends a message and does not repeat it: for who has a rhythm of its own, such as a
// Checkpoint. An error is an *Error, or that of ctx where that has ended.
func (c *Client) Once(ctx context.Context, r Request) (Response, error) {
	c.once.Do(func() { c.http = &http.Client{Transport: c.Transport, CheckRedirect: sameHost} })
	limit := c.Timeout
	if limit == 0 {
		limit = Timeout
	}
	try, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	method := r.Method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(try, method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Response{}, &Error{Text: "the URL cannot be read"}
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	if req.Header.Get("User-Agent") == "" {
		agent := c.Agent
		if agent == "" {
			agent = "carbonctl"
		}
		req.Header.Set("User-Agent", agent)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return Response{}, ctx.Err()
		}
		return Response{}, unreached(req.URL.Host, limit, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		// It has taken the message: that the rest of its answer does not come does not matter.
		if text, failed := declined(r, req.URL, resp.Header, body); failed && !r.AnyAnswer {
			return Response{}, &Error{Host: req.URL.Host, Status: resp.StatusCode, Text: text}
		}
		return Response{resp.StatusCode, resp.Header, body}, nil
	case err != nil && ctx.Err() != nil:
		return Response{}, ctx.Err()
	}
	return Response{}, c.refused(r, req.URL, resp, body)
}

// Do sends a message until the service has taken it: after a temporary failure again, up
// to five times, with growing gaps or as the service asks, and not where the gap would
// pass ctx's deadline. Where ctx ends during another try, the error is that of the one before.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	gap := firstGap
	var before error // of the try before
	for n := 1; ; n++ {
		answer, err := c.Once(ctx, r)
		if before != nil && err != nil && ctx.Err() != nil {
			return answer, before // it says more
		}
		before = err
		failed := (*Error)(nil)
		if err == nil || n == maxTries || !errors.As(err, &failed) || !failed.Temporary {
			return answer, err
		}
		wait := gap/2 + rand.N(gap/2) // many clients spread
		gap = min(2*gap, maxGap)
		if failed.After > 0 {
			wait = failed.After
		}
		if deadline, ok := ctx.Deadline(); wait > maxGap || ok && time.Until(deadline) < wait {
			return answer, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return answer, err
		case <-timer.C:
		}
	}
}

// Close gives up connections that are kept for the next message.
func (c *Client) Close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// sameHost follows a redirect that stays on its host, does not leave TLS, and repeats the
// message as it is.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > redirects || req.URL.Host != first.URL.Host || req.Method != first.Method ||
		first.URL.Scheme == "https" && req.URL.Scheme != "https" {
		return http.ErrUseLastResponse
	}
	return nil
}

// URL reads the address of a service: http or https, a host, and neither user nor
// password, which a list of processes would show. secrets says where those go instead:
// "INFLUX_TOKEN".
func URL(s, secrets string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("invalid URL: use http://HOST:PORT/PATH or https://HOST/PATH")
	case u.User != nil:
		return nil, fmt.Errorf("the URL holds a user or password, which other users can see: set %s in the environment instead", secrets)
	}
	u.Fragment = ""
	return u, nil
}

// Line is the beginning of a text on one line, without control characters, in at most limit
// characters and an ellipsis.
func Line(s string, limit int) string { return line(s, limit) }

// line is the beginning of a text on one line, without control characters.
func line(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == '\ufffd' || r >= 0x80 && r < 0xa0
	}), " ")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
