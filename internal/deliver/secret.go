package deliver

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Secret reads a secret: the variable with this name, or the first line of the file
// that NAME_FILE names; "" for neither. An error names the file.
func Secret(env func(string) string, name string) (string, error) {
	if s := env(name); s != "" {
		return s, nil
	}
	path := env(name + "_FILE")
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimRight(first, "\r"), nil
}

// minSecret is how long a part of a URL or a header is that is taken for a secret: less may
// be any word.
const minSecret = 6

// plainHeaders hold no secrets.
var plainHeaders = []string{"Content-Type", "Content-Encoding", "User-Agent", "X-Mlflow-Workspace", "Webhook-Id", "Webhook-Timestamp"}

// secretsOf takes a request's credentials, and the paths and queries of its URLs, out of a
// text: many services repeat what they were asked for.
func secretsOf(r Request, urls ...*url.URL) *strings.Replacer {
	var all []string
	for _, u := range urls {
		for _, s := range []string{u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery} {
			if len(s) > 1 { // not "/"
				all = append(all, s)
			}
		}
		if r.Private {
			all = append(all, parts(u.Path+" "+u.RawPath+" "+u.RawQuery)...)
			for _, values := range u.Query() {
				all = append(all, parts(strings.Join(values, " "))...)
			}
		}
	}
	for name, values := range r.Header {
		if !slices.Contains(plainHeaders, name) {
			whole := strings.Join(values, " ")
			all = append(append(all, long(strings.Fields(whole))...), parts(whole)...)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // the whole before its parts
	var pairs []string
	for _, s := range all {
		pairs = append(pairs, s, "…")
	}
	return strings.NewReplacer(pairs...)
}

// parts are the words of a text that may be secrets.
func parts(s string) []string {
	return long(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" /?&=", r) }))
}

func long(words []string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return len(w) < minSecret })
}
