package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/carbonctl/carbonctl/export/metrics"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/serve"
	"github.com/carbonctl/carbonctl/internal/session"
)

// serveMetrics serves the metrics of a run until stop, where that is asked for. A port that
// is in use is a warning: the run goes on.
func (w *runFlags) serveMetrics(ctx context.Context, o *session.Options) (stop func()) {
	if w.config.metrics == "" {
		return func() {}
	}
	l, err := serve.Listen(ctx, w.config.metrics)
	if err != nil {
		text := "no metrics are served: " + plainly(err)
		if !w.json { // then it stands in the result alone
			w.say(text, listenHint(err))
		}
		o.Warnings = append(o.Warnings, footprint.Warning{Code: footprint.ConfigIgnored, Text: text})
		return func() {}
	}
	if host, _, _ := net.SplitHostPort(l.Addr().String()); !net.ParseIP(host).IsLoopback() && !w.quiet && !w.json {
		w.say("warning: metrics on "+host+" without authentication", "--metrics without a host binds to 127.0.0.1 only")
	}
	if _, port, _ := net.SplitHostPort(w.config.metrics); port == "0" && !w.json { // else it could not be found
		w.say("metrics on http://"+l.Addr().String()+"/metrics", "")
	}
	ctx, cancel := context.WithCancel(ctx)
	var running atomic.Pointer[http.Handler]
	o.Follow = func(fresh func(age time.Duration) footprint.Report) {
		h := metrics.Handler(func() footprint.Report { return fresh(metrics.Fresh) })
		running.Store(&h)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(to http.ResponseWriter, r *http.Request) {
		if h := running.Load(); h != nil {
			(*h).ServeHTTP(to, r)
			return
		}
		http.Error(to, "the run has not begun", http.StatusServiceUnavailable)
	})
	go func() { _ = serve.Run(ctx, l, mux, 0) }() // it has ended when its context has
	return func() {
		cancel()
		_ = l.Close()
	}
}

// prometheus are the sinks that keep metrics where Prometheus finds them.
func (w *runFlags) prometheus() (all []session.Sink) {
	if path := w.config.textfile; path != "" {
		if t, err := metrics.NewTextfile(path); err == nil { // it was tried when it was set
			s := session.Sink{Sink: t, Failed: "the textfile was not written"}
			if abs, err := filepath.Abs(path); err == nil {
				s.Name, s.Target = metrics.NameTextfile, abs
			}
			all = append(all, s)
		}
	}
	if to := w.config.pushgateway; to != "" {
		if p, err := pushgateway(to, to); err == nil { // as above
			all = append(all, session.Sink{Sink: p, Failed: "pushgateway: not delivered", Name: metrics.NamePush, Target: to})
		}
	}
	return all
}

// plainly is an error of a socket in the words that name its address first.
func plainly(err error) string {
	if e := (*net.DNSError)(nil); errors.As(err, &e) {
		return e.Name + ": " + e.Err
	}
	if e := (*net.OpError)(nil); errors.As(err, &e) && e.Addr != nil {
		why := e.Err
		if sys := (*os.SyscallError)(nil); errors.As(why, &sys) {
			why = sys.Err
		}
		return e.Addr.String() + ": " + why.Error()
	}
	return err.Error()
}

// listenHint says what to do where an address can't be listened on.
func listenHint(err error) string {
	if errors.As(err, new(*net.DNSError)) || errors.Is(err, syscall.EADDRNOTAVAIL) {
		return "give an address of this machine, as --metrics :9105 (127.0.0.1) or 0.0.0.0:9105 (all of them)"
	}
	return "give another port, as --metrics :0, or let one process serve: --textfile FILE.prom"
}

// checkAddress reports what is wrong with an address to listen on.
func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if n, wrong := strconv.Atoi(port); err != nil || wrong != nil || n < 0 || n > 65535 {
		return fmt.Errorf("invalid address %.60q: use :PORT, or HOST:PORT for more than this machine", s)
	}
	return nil
}

// pushgateway makes the sink of a Pushgateway, with its secrets from the environment, unless
// those are for another one, which this run names; "" is none.
func pushgateway(address, own string) (*metrics.Push, error) {
	auth, err := authOf("CARBONCTL_PUSHGATEWAY")
	if err != nil {
		return nil, err
	}
	if a, err := url.Parse(address); err == nil && own != "" {
		if o, err := url.Parse(own); err == nil && o.Host != a.Host {
			auth.Token, auth.User, auth.Password = "", "", ""
		}
	}
	return metrics.NewPush(address, metrics.Auth(auth))
}

// An auth is how a service is asked: with a token, or a user and a password, or neither.
type auth struct{ Token, User, Password string }

// authOf reads PREFIX_TOKEN, PREFIX_USER and PREFIX_PASSWORD. A secret may be in a file
// that PREFIX_TOKEN_FILE or PREFIX_PASSWORD_FILE names.
func authOf(prefix string) (a auth, err error) {
	var tokenErr, passwordErr error
	a.User = os.Getenv(prefix + "_USER")
	a.Token, tokenErr = secret(prefix + "_TOKEN")
	a.Password, passwordErr = secret(prefix + "_PASSWORD")
	return a, errors.Join(tokenErr, passwordErr)
}

// maxSecret is more than any token has.
const maxSecret = 64 << 10

// secret is what a variable holds, or the first line of the file that NAME_FILE names.
func secret(name string) (string, error) {
	path := os.Getenv(name + "_FILE")
	if v := os.Getenv(name); v != "" || path == "" {
		return v, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line), nil
}
