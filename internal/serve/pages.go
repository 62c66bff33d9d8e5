package serve

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/serve/store"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// Pages are what a server shows of runs. Store is needed.
type Pages struct {
	// Store holds the runs; who made it runs it.
	Store  *store.Store
	Access Access
	// Title is whose runs they are, "" for all.
	Title  string
	Budget runs.Allowance // a month; zero: none
	Car    report.Car
	// Metrics answers /metrics in place of the totals of all runs; nil: those.
	Metrics http.Handler
}

// pages answers what is below "/".
type pages struct {
	Pages
	now    func() time.Time
	table  *regions.Table
	made   *renderings
	views  *views
	events *events
}

func newPages(cfg Config) *pages {
	return &pages{*cfg.Pages, cfg.Now, cfg.Table, newRenderings(), newViews(), &events{store: cfg.Pages.Store}}
}

// follow keeps the sums of all runs up with what is read.
func (p *pages) follow(ctx context.Context) {
	for {
		state, changed := p.Store.State()
		p.views.advance(state.Rows, runs.Filter{}, p.Pages, p.now())
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// routes adds the pages to a mux.
func (p *pages) routes(mux *http.ServeMux) {
	add := func(path string, h http.Handler) { mux.Handle("GET "+path, p.Access.checkHost(p.Access.guard(h))) }
	add("/{$}", p.page("/", p.team))
	add("/runs/{id}", p.page("/runs", p.run))
	add("/compare", p.page("/compare", p.compare))
	add("/events", p.events)
	if p.Metrics == nil {
		p.Metrics = &ledgerMetrics{pages: p}
	}
	add("/metrics", p.Metrics)
	mux.Handle("POST /login", p.Access.checkHost(http.HandlerFunc(p.Access.enter)))
}

// An asked is a question for a page: of which state, what, and in which format.
type asked struct {
	*http.Request
	state  *store.State
	params *params
	format string
}

// A notFound is a run that there is not.
type notFound struct{ error }

// page answers by a rendering of the newest state.
func (p *pages) page(path string, render func(*asked) (body []byte, kind string, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RequestURI()) > maxURL {
			problem(w, http.StatusRequestURITooLong, "the question is too long")
			return
		}
		if _, err := url.ParseQuery(r.URL.RawQuery); err != nil { // what is dropped of it would widen the page
			p.fail(w, r, badRequest{errors.New("the query is not well formed")})
			return
		}
		if to, empty := withoutEmpty(r.URL); empty {
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		state, err := p.Store.Loaded(ctx)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		of := stateID(state) + p.now().UTC().Format(" 2006-01-02T15") // "this month" goes on too
		key := path + "/" + r.PathValue("id") + "?" + r.URL.Query().Encode()
		made, err := p.made.get(ctx, key, of, func(ctx context.Context) ([]byte, string, error) {
			return render(&asked{Request: r.WithContext(ctx), state: state})
		})
		if err != nil {
			p.fail(w, r, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", made.kind)
		tag := `"` + strings.TrimPrefix(hash(key+of), "sha256-")[:20] + `"`
		h.Set("ETag", tag)
		if strings.HasPrefix(made.kind, "text/html") {
			h.Set("Content-Security-Policy", policyOf(made.body))
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(made.body))
	})
}

// withoutEmpty is an address without the fields of a form that nobody filled in.
func withoutEmpty(u *url.URL) (to string, empty bool) {
	values := u.Query()
	for name, all := range values {
		kept := slices.DeleteFunc(slices.Clone(all), func(v string) bool { return v == "" })
		if len(kept) == len(all) {
			continue
		}
		if empty = true; len(kept) == 0 {
			values.Del(name)
		} else {
			values[name] = kept
		}
	}
	next := *u
	next.RawQuery = values.Encode()
	return next.RequestURI(), empty
}

// policyOf is the policy that a page has in itself, and what only a header can say.
func policyOf(body []byte) string {
	_, rest, ok := bytes.Cut(body[:min(len(body), 4096)], []byte(`<meta http-equiv="Content-Security-Policy" content="`))
	policy, _, whole := bytes.Cut(rest, []byte(`">`))
	if !ok || !whole {
		return closed
	}
	return html.UnescapeString(string(policy)) + "; frame-ancestors 'none'"
}

// fail answers with an error.
func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusInternalServerError
	var missing notFound
	var wrong badRequest
	switch {
	case errors.As(err, &missing):
		code = http.StatusNotFound
	case errors.As(err, &wrong):
		code = http.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		code, err = http.StatusServiceUnavailable, errors.New("too many requests at the same time: try again")
		w.Header().Set("Retry-After", "5")
	}
	refuse(w, r, code, err.Error())
}

// kinds are the media types of formats.
var kinds = map[string]string{
	"html": "text/html; charset=utf-8", "json": "application/json; charset=utf-8",
	"csv": "text/csv; charset=utf-8; header=present", "runs.csv": "text/csv; charset=utf-8; header=present",
}

// read takes the parameters of a page, of which one is its format.
func (a *asked) read(formats []string, known ...string) error {
	a.params = read(a.Request, append(known, "format")...)
	a.format = cmp.Or(a.params.text("format"), "html")
	if !slices.Contains(formats, a.format) {
		a.params.fail("format: unknown format %.40q: use one of %s", a.format, strings.Join(formats, ", "))
	}
	return a.params.err
}

// filter reads which runs are meant.
func (p *pages) filter(a *asked) (runs.Filter, error) {
	v := a.params.values
	f, err := input.Filter{
		From: v.Get("from"), To: v.Get("to"), Labels: v["label"], Zones: v["region"], Statuses: v["status"],
		Projects: v["project"], Hosts: v["host"], Users: v["user"],
	}.Parse(p.now())
	if err != nil {
		return f, badRequest{err}
	}
	return f, nil
}

// maxValues is how many values a filter may name.
const maxValues = 100

// team renders the page of all runs.
func (p *pages) team(a *asked) ([]byte, string, error) {
	if err := a.read(page.TeamFormats(), "project…", "label…", "user…", "host…", "region…", "status…", "from", "to"); err != nil {
		return nil, "", err
	}
	n := 0
	for _, v := range a.params.values {
		n += len(v)
	}
	if n > maxValues {
		return nil, "", badRequest{fmt.Errorf("the filter has %d values: the maximum is %d", n, maxValues)}
	}
	filter, err := p.filter(a)
	if err != nil {
		return nil, "", err
	}
	t, choices := p.views.team(a.state.Rows, filter, p.Pages, p.now())
	t.Title, t.Table = p.Title, p.table
	t.Link = func(r runs.Row) string { return runAddress(r.RunID) }
	t.Foot = p.foot(a.state)
	t.Live = p.served(a, filter, choices)
	var b bytes.Buffer
	err = t.Write(&b, a.format)
	return b.Bytes(), kinds[a.format], err
}

// runAddress is where the page of a run is.
func runAddress(id string) string {
	if id == "" {
		return ""
	}
	return "/runs/" + url.PathEscape(id)
}

// foot says how new the figures are, and what is not in them.
func (p *pages) foot(s *store.State) (all []string) {
	all = append(all, fmt.Sprintf("%s runs read, as of %s UTC", thousands(s.Rows.Len()), s.At.UTC().Format("2 Jan 2006, 15:04:05")), "updates by itself")
	const shown = 5
	for i, f := range s.Faults {
		if i == shown {
			break
		}
		all = append(all, "not counted: "+f.String())
	}
	if n := len(s.Faults) + s.More - shown; n > 0 {
		all = append(all, fmt.Sprintf("%d more lines or files can’t be read", n))
	}
	if s.Twice > 0 {
		all = append(all, fmt.Sprintf("%d rows ignored: their runs were read before, and each counts once", s.Twice))
	}
	if s.Foreign > 0 {
		all = append(all, fmt.Sprintf("%d CSV files are not ledgers", s.Foreign))
	}
	if s.Unrecorded > 0 {
		all = append(all, fmt.Sprintf("%d runs have a journal and no row: they go on elsewhere, or ended unrecorded; carbonctl report on their machine adds these", s.Unrecorded))
	}
	return all
}

// run renders the page of a run: whole where it was kept or goes on, else what its row tells.
func (p *pages) run(a *asked) ([]byte, string, error) {
	if err := a.read([]string{"html", "json"}); err != nil {
		return nil, "", err
	}
	run, err := p.find(a.state, a.PathValue("id"))
	if err != nil {
		return nil, "", err
	}
	var b bytes.Buffer
	if a.format == "html" {
		run = run.Advised(p.table)
		id := url.QueryEscape(run.RunID)
		run.Links = [][2]string{{"All runs", "/"}, {"Compare", "/compare?run=" + id}, {"JSON", runAddress(run.RunID) + "?format=json"}}
		if run.Status == footprint.Running {
			run.Script = followScript(a.state)
		}
		err = run.HTML(&b)
	} else {
		err = run.Write(&b, a.format)
	}
	return b.Bytes(), kinds[a.format], err
}

// find gives a run by its ID or the beginning of one. The ID is looked up among those that
// were read: no file has its name.
func (p *pages) find(s *store.State, id string) (page.Run, error) {
	for _, r := range s.Live {
		if r.RunID == id {
			return page.Run{Run: report.Run{Report: r, Car: p.Car}}, nil
		}
	}
	i, ok := s.Rows.Find(id)
	if i < 0 {
		return page.Run{}, notFound{fmt.Errorf("run ID %.80q is ambiguous: use more characters", id)}
	}
	if !ok {
		return page.Run{}, notFound{fmt.Errorf("no run %.80q", id)}
	}
	row, path := s.Rows.At(i)
	run := page.Run{Run: report.Run{Report: report.OfRow(row), Car: p.Car}}
	if whole, ok := store.Whole(row, path); ok {
		run.Report = whole
	}
	return run, nil
}
