package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// An Error is why a service has not taken a message. It names the host alone.
type Error struct {
	Host   string
	Status int // 0: there was no answer
	// Temporary says that the same message may be taken later.
	Temporary bool
	// After is how long the service asks to wait, 0 if it does not.
	After time.Duration
	// Text says what went wrong, on one line.
	Text string
}

func (e *Error) Error() string {
	s := e.Text
	if e.Status != 0 {
		s = strings.TrimSpace(strconv.Itoa(e.Status) + " " + http.StatusText(e.Status))
		if e.Text != "" {
			s += ": " + e.Text
		}
	}
	if e.Host == "" {
		return s
	}
	return e.Host + ": " + s
}

// Keep reports whether what was not delivered is worth keeping for a later run: the
// service, its certificate, the credentials or what is between may be right by then, also
// where another try at once would be in vain. What the service refuses for what it holds
// would be refused again.
func (e *Error) Keep() bool {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired,
		http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return e.Host != "" && (e.Temporary || e.Status < 400 || e.Status >= 500)
}

// Keep reports whether what met an error is worth keeping for a later run: it was late, or
// it is an [*Error] that says so.
func Keep(err error) bool {
	failed := (*Error)(nil)
	if errors.As(err, &failed) {
		return failed.Keep()
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// temporary are the answers that a Client tries again.
func temporary(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= 500
}

// unreached is the error of a service that has not answered.
func unreached(host string, limit time.Duration, err error) *Error {
	if full := (*url.Error)(nil); errors.As(err, &full) {
		err = full.Err // its URL may hold secrets
	}
	e := &Error{Host: host, Temporary: true}
	var (
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		verify  *tls.CertificateVerificationError
		lookup  *net.DNSError
		op      *net.OpError
		call    *os.SyscallError
	)
	switch {
	case errors.As(err, &name):
		e.Temporary, e.Text = false, "TLS: the certificate is not for this host"+namesOf(name.Certificate)
	case errors.As(err, &unknown):
		e.Temporary, e.Text = false, "TLS: the certificate is signed by an unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Temporary, e.Text = false, "TLS: the certificate has expired or is not yet valid (check this machine's clock too)"
	case errors.As(err, &record):
		e.Temporary, e.Text = false, "TLS: the server does not speak TLS on this port: use http://"
	case errors.As(err, &verify):
		e.Temporary, e.Text = false, "TLS: "+line(verify.Err.Error(), 200)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		e.Temporary, e.Text = false, "TLS: the server does not speak TLS on this port: use http://"
	case errors.As(err, &op) && op.Op == "proxyconnect":
		e.Text = "proxy: " + unreached("", limit, op.Err).Text
	case errors.Is(err, context.DeadlineExceeded):
		e.Text = fmt.Sprintf("no answer within %v", limit)
	case errors.As(err, &lookup):
		e.Text = "host not found"
	case errors.As(err, &call): // "connection refused"
		e.Text = line(call.Err.Error(), 200)
	case errors.As(err, &op):
		e.Text = line(op.Err.Error(), 200)
	default:
		e.Text = line(err.Error(), 200)
	}
	return e
}

// namesOf says which hosts a certificate is for.
func namesOf(c *x509.Certificate) string {
	if c == nil || len(c.DNSNames) == 0 {
		return ""
	}
	return ", but for " + line(strings.Join(c.DNSNames[:min(len(c.DNSNames), 3)], ", "), 100)
}

// refused is the error of an answer that is none of 200 to 299.
func (c *Client) refused(r Request, asked *url.URL, resp *http.Response, body []byte) *Error {
	again := c.Temporary
	if again == nil {
		again = temporary
	}
	e := &Error{Host: asked.Host, Status: resp.StatusCode, Temporary: again(resp.StatusCode)}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		e.Text = "redirects, which is not followed"
		if to, err := resp.Location(); err == nil && to.Host != asked.Host {
			e.Text = "redirects to " + line(to.Host, 100) + ", which is not followed; give that address if it is right"
		}
		return e
	}
	urls := []*url.URL{asked}
	if resp.Request != nil { // another after a redirect
		urls = append(urls, resp.Request.URL)
	}
	e.Text = said(body, secretsOf(r, urls...))
	e.After = after(resp.Header)
	return e
}

// declined says why an answer of 200 to 299 is no yes: the page of a login that stands before
// the service, or an error in JSON.
func declined(r Request, asked *url.URL, h http.Header, body []byte) (text string, failed bool) {
	start := strings.ToLower(strings.TrimSpace(string(body[:min(len(body), 100)])))
	if strings.HasPrefix(h.Get("Content-Type"), "text/html") || strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") {
		return "a web page, as a login shows, and no answer of the service", true
	}
	var o struct {
		Error any `json:"error"`
	}
	if json.Unmarshal(body, &o) != nil || o.Error == nil || o.Error == "" || o.Error == false {
		return "", false
	}
	return said(body, secretsOf(r, asked)), true
}

// said is what a service says about a refusal: the text of the JSON that most of them
// answer with, or the beginning of a plain text. Many repeat what they were asked for, where
// secrets may be.
func said(body []byte, secrets *strings.Replacer) string {
	var o struct {
		Error     json.RawMessage `json:"error"`
		Message   string          `json:"message"`
		ErrorCode string          `json:"error_code"`
	}
	if json.Unmarshal(body, &o) == nil {
		var text string
		_ = json.Unmarshal(o.Error, &text) // it may be an object
		switch {
		case o.Message != "" && o.ErrorCode != "":
			text = o.ErrorCode + ": " + o.Message
		case o.Message != "":
			text = o.Message
		case text == "":
			text = o.ErrorCode
		}
		return line(secrets.Replace(text), 200)
	}
	text := strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "<") {
		return "" // a page
	}
	return line(secrets.Replace(text), 200)
}

// after reads Retry-After: seconds, or a time, which is taken by the service's own clock.
func after(h http.Header) time.Duration {
	s := h.Get("Retry-After")
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	now := time.Now()
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), time.Hour)
}
