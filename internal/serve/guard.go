package serve

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Access says who sees the pages. The zero value is everybody who reaches a listener that
// only this machine does.
type Access struct {
	// Token that is asked for, "" for none: see [ParseToken].
	Token string
	// Wide says that other machines reach the listener. Without a Token the pages are then
	// refused.
	Wide bool
	// Hosts are further names by which the pages may be asked for, as behind a proxy, beside
	// localhost, any IP address and, where Wide, this machine's name: a site that makes its
	// own name one of our addresses (DNS rebinding) is turned away.
	Hosts []string
}

// minToken is how long a token must be: 16 random characters can't be guessed.
const minToken = 16

// ParseToken reads the token that a file holds: its first line, of at least 16 printable
// ASCII characters without blanks.
func ParseToken(b []byte) (string, error) {
	token := strings.TrimSpace(string(b))
	switch {
	case len(token) < minToken:
		return "", errors.New("the token has fewer than 16 characters")
	case len(token) > 1024 || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("the token must be one line of at most 1024 printable ASCII characters without blanks")
	}
	return token, nil
}

// hostAllowed reports whether a Host or Origin names us.
func (a Access) hostAllowed(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return true
	}
	own, err := os.Hostname()
	return a.named(host) || a.Wide && err == nil && strings.EqualFold(own, host)
}

// sameSite reports whether a request is not made by another site's page.
func (a Access) sameSite(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || a.named(u.Hostname())
}

// named reports whether a host is one of Hosts.
func (a Access) named(host string) bool {
	return slices.ContainsFunc(a.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// session is what the cookie holds in place of the token, and its name: a cookie is sent to
// every port of a host, and another server's must not be overwritten.
func (a Access) session() (name, value string) {
	sum := hmac.New(sha256.New, []byte(a.Token))
	sum.Write([]byte("carbonctl serve session"))
	value = hex.EncodeToString(sum.Sum(nil))
	return "carbonctl_" + value[:8], value[8:]
}

// knows reports whether a request carries the token, or the cookie that was set for it.
func (a Access) knows(r *http.Request) bool {
	if a.Token == "" {
		return true
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return equal(strings.TrimSpace(token), a.Token)
	}
	name, value := a.session()
	c, err := r.Cookie(name)
	return err == nil && equal(c.Value, value)
}

// equal compares in a time that does not depend on where they differ, nor on their lengths.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// secure sets what holds for every answer: nothing is guessed, framed, embedded elsewhere or
// told to another site.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", closed)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// closed is the policy of what is no page.
const closed = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard lets through to the pages whoever may see them.
func (a Access) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, no-cache")
		switch {
		case a.Wide && a.Token == "":
			refuse(w, r, http.StatusForbidden, "pages are served to other machines only with a token: start carbonctl serve with --token-file FILE")
		case r.URL.Query().Has("token") && a.Token != "":
			a.exchange(w, r)
		case !a.knows(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="carbonctl"`)
			a.login(w, r, r.URL.RequestURI(), "")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// checkHost turns away what another site's page asks.
func (a Access) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !a.hostAllowed(r.Host):
			refuse(w, r, http.StatusMisdirectedRequest, "this server is not known by the name in Host: start carbonctl serve with --allow-host NAME")
		case !a.sameSite(r):
			refuse(w, r, http.StatusForbidden, "another site's page asks: only pages of this server may")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// exchange gives a cookie for the token in the address, and sends on to the address without.
func (a Access) exchange(w http.ResponseWriter, r *http.Request) {
	to := local(r.URL)
	if !equal(strings.TrimSpace(r.URL.Query().Get("token")), a.Token) {
		a.login(w, r, to, "That is not the token.")
		return
	}
	a.setCookie(w, r)
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		// A strict cookie is not sent along a way that began at another site, so that the
		// page itself goes on.
		writePage(w, http.StatusOK, moveOn, to)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// setCookie lets a browser in that has sent the token.
func (a Access) setCookie(w http.ResponseWriter, r *http.Request) {
	name, value := a.session()
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: 30 * 24 * 3600,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	})
}

// local is an address of this server without a token in it.
func local(u *url.URL) string {
	values := u.Query()
	values.Del("token")
	return (&url.URL{Path: "/" + strings.TrimLeft(u.Path, "/\\"), RawQuery: values.Encode()}).String()
}
