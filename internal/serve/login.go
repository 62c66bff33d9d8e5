package serve

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// style is that of the few pages that serve makes itself.
const style = `:root{color-scheme:light dark;--ink:#1c2328;--soft:#586168;--line:#c9ccc9;--paper:#fbfaf6;--accent:#15607f}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8e6;--soft:#a3abad;--line:#474e52;--paper:#15191b;--accent:#7cc4e0}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,"Noto Sans",sans-serif}
main{max-width:46rem;margin:3rem auto;padding:0 1rem}
h1{font-size:1.25rem;margin:0 0 1rem}h2{font-size:1rem;font-weight:400;margin:1.5rem 0 0}h2+p{margin-top:.1rem;color:var(--soft)}
p{margin:.5rem 0}.soft{color:var(--soft)}a{color:var(--accent)}
code,pre{font:.875rem/1.5 ui-monospace,monospace;overflow-wrap:anywhere}pre{white-space:pre-wrap;margin:.25rem 0 .75rem}
label{display:block;margin:1rem 0 .25rem}input,select{font:inherit;width:100%;max-width:32rem;box-sizing:border-box;padding:.4rem .5rem;color:inherit;background:transparent;border:1px solid var(--soft)}
button{font:inherit;padding:.4rem 1rem;margin:.75rem 0;color:var(--paper);background:var(--accent);border:0}`

const frame = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">{{template "head" .}}<style>` + style + `</style></head>
<body><main>{{template "body" .}}</main></body>
</html>
`

// parts makes a page of its two parts, once one is asked for.
func parts(head, body string) func() *template.Template {
	return sync.OnceValue(func() *template.Template {
		t := template.Must(template.New("page").Parse(frame))
		template.Must(t.New("head").Parse(head))
		return template.Must(t.New("body").Parse(body))
	})
}

var (
	loginPage = parts(`<title>carbonctl</title>`, `<h1>carbonctl</h1>
{{if .Wrong}}<p role="alert">{{.Wrong}}</p>{{else}}<p class="soft">A token is needed to see these pages.</p>{{end}}
<form method="post" action="/login"><input type="hidden" name="to" value="{{.To}}"><input autocomplete="username" value="carbonctl" hidden><label for="token">Token</label><input id="token" name="token" type="password" autocomplete="current-password" required autofocus><br><button>Open</button></form>`)
	moveOn = parts(`<title>carbonctl</title><meta http-equiv="refresh" content="0;url={{.}}">`, `<p><a href="{{.}}">Go on</a></p>`)
)

// login asks for the token: a person by a form, a program by the status alone. The form comes
// back by POST, so that the token is in no address and in no proxy's log.
func (a Access) login(w http.ResponseWriter, r *http.Request, to, wrong string) {
	if !wantsPage(r) {
		problem(w, http.StatusUnauthorized, "a token is needed: send it as Authorization: Bearer TOKEN")
		return
	}
	w.Header().Set("Referrer-Policy", "same-origin") // by no-referrer the form would come without its origin
	writePage(w, http.StatusUnauthorized, loginPage, map[string]string{"Wrong": wrong, "To": to})
}

// maxLogin bounds the form: a token, and an address.
const maxLogin = 2 * maxURL

// enter takes the form of login, and sends on to the address that was asked for.
func (a Access) enter(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "private, no-cache")
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	err := r.ParseForm()
	switch to := r.PostForm.Get("to"); {
	case err != nil:
		refuse(w, r, http.StatusBadRequest, "the form is not well formed")
	case a.Token == "":
		refuse(w, r, http.StatusNotFound, "these pages need no token")
	case !equal(strings.TrimSpace(r.PostForm.Get("token")), a.Token):
		a.login(w, r, to, "That is not the token.")
	default:
		u, err := url.Parse(to)
		if err != nil {
			u = &url.URL{}
		}
		a.setCookie(w, r)
		http.Redirect(w, r, local(u), http.StatusSeeOther)
	}
}

// refuse answers with an error: a program gets it as JSON, a person as a page.
func refuse(w http.ResponseWriter, r *http.Request, code int, text string) {
	if !wantsPage(r) {
		problem(w, code, text)
		return
	}
	writePage(w, code, faultPage, map[string]any{"Title": http.StatusText(code), "Text": strings.ToValidUTF8(text, "�")})
}

var faultPage = parts(`<title>{{.Title}} · carbonctl</title>`, `<h1>{{.Title}}</h1><p><bdi>{{.Text}}</bdi></p><p><a href="/">All runs</a></p>`)

// wantsPage reports whether a browser asks for something to be looked at.
func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// writePage writes one of the pages that serve makes itself.
func writePage(w http.ResponseWriter, code int, t func() *template.Template, data any) {
	var b bytes.Buffer
	if err := t().ExecuteTemplate(&b, "page", data); err != nil {
		problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", ownPolicy()+"; frame-ancestors 'none'")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes())
}

// ownPolicy is the policy of the pages that serve makes itself.
func ownPolicy() string {
	return "default-src 'none'; style-src '" + hash(style) + "'; base-uri 'none'; form-action 'self'"
}

// hash is how a policy names an inline style or script.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
