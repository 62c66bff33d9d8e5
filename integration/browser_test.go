package integration

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// looks is run in the page, and gives what is wrong with it as it is shown.
//
//go:embed testdata/look.js
var looks string

// audit runs axe-core in the page, and gives what it finds.
const audit = `axe.run().then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + v.help + ": " + n.html.slice(0, 120))))`

// axe is the text of axe-core, which "npm ci" has installed here.
var axe = sync.OnceValues(func() ([]byte, error) { return os.ReadFile("node_modules/axe-core/axe.min.js") })

// TestPagesInABrowser opens every kind of page that the command makes, and those
// that the tests of package report compare with, in Chromium.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	pages := map[string]string{}
	d.write("train", `for i in 1 2 3 4 5 6 7; do echo "Epoch $i/7"; carbonctl mark task-start validate; carbonctl mark task-end validate; done`)
	for i, project := range []string{"vision", "a rather long name of a project that no table has room for", hostile, "vision", ""} {
		d.run("carbonctl", "wrap", "-q", "--region", []string{"FR", "PL"}[i%2], "--ledger", "runs.csv", "--project", project, "--epochs", "7", "--budget", "3h", "--json-file", "run.json", "--html", fmt.Sprintf("wrap-%d.html", i), "--", "sh", "train")
		pages[fmt.Sprintf("wrap --html of %q", project)] = d.at(fmt.Sprintf("wrap-%d.html", i))
	}
	for name, args := range map[string][]string{
		"show.html":     {"report", "show", "run.json"},
		"whole.html":    {"report", "runs.csv"},
		"projects.html": {"report", "runs.csv", "--by", "project,region", "--last", "0"},
		"budget.html":   {"report", "runs.csv", "--by", "month", "--budget", "1g"},
	} {
		d.run("carbonctl", append(args, "--output", name)...)
		pages["report: "+name] = d.at(name)
	}
	// A ledger of a year and a half, since a bar a month leaves less and less room.
	d.write("years.csv", months(d, d.read("runs.csv"), 18))
	for _, to := range []string{"2025-03", "2025-06", "2025-12", "2026-06"} {
		name := "until-" + to + ".html"
		_, messages, code := d.try("", "carbonctl", "report", "years.csv", "--to", to, "--by", "month", "--budget", "12g", "--output", name)
		require.LessOrEqual(t, code, 1, messages) // 1 says that a month has used more
		pages["report by month: "+name] = d.at(name)
	}
	for name, args := range map[string][]string{
		"run.svg":    {"compare", "run.json"},
		"energy.svg": {"compare", "--energy", "1.2kWh", "--region", "FR", "--continent", "europe", "--top", "0"},
		"azure.svg":  {"compare", "--energy", "1.2kWh", "--region", "azure:australiasoutheast", "--provider", "azure", "--top", "0"},
		"africa.svg": {"compare", "--energy", "1.2kWh", "--region", "CD", "--continent", "africa", "--top", "0"},
	} {
		d.write(name, d.run("carbonctl", append(args, "--format", "svg")...))
		pages["compare: "+name] = d.at(name)
	}
	var goldens []string
	for _, pattern := range []string{"../report/testdata/*.html", "../report/page/testdata/*.html", "../report/page/testdata/*.svg"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		goldens = append(goldens, found...)
	}
	for _, g := range goldens {
		if g, err := filepath.Abs(g); assert.NoError(t, err) {
			pages["golden: "+filepath.Base(g)] = g
		}
	}

	b := newBrowser(d)
	for name, file := range pages {
		t.Run(name, func(t *testing.T) {
			for _, fault := range b.look(t, file) {
				t.Error(fault)
			}
		})
	}

	// What the checks are good for is seen on a page that has all the faults.
	t.Run("a page with faults", func(t *testing.T) {
		faults := strings.Join(b.look(t, d.write("bad.html", bad)), "\n")
		for _, want := range []string{"wider", "contrast", "overlap", "over a bar", "cut off", "asks for http://127.0.0.1:9/x.png", "Content Security Policy", "a fault of a script", "headline", "color-contrast: "} {
			assert.Contains(t, faults, want)
		}
	})
}

// months repeats the first run of a ledger in each of n months from 2025 on, with a
// little more than 10 g each. Whoever only reads a ledger needs no chain.
func months(d desk, ledger string, n int) string {
	rows, err := csv.NewReader(strings.NewReader(ledger)).ReadAll()
	require.NoError(d, err)
	var b strings.Builder
	w := csv.NewWriter(&b)
	assert.NoError(d, w.Write(rows[0]))
	for i := range n {
		row := slices.Clone(rows[1])
		at := func(name string) *string { return &row[slices.Index(rows[0], name)] }
		start := time.Date(2025, time.Month(1+i), 3, 8, 0, 0, 0, time.UTC)
		*at("started_at"), *at("ended_at") = start.Format("2006-01-02T15:04:05.000Z"), start.Add(time.Hour).Format("2006-01-02T15:04:05.000Z")
		g := 10 + 0.5*float64(i%7)
		*at("emissions_g"), *at("emissions_low_g"), *at("emissions_high_g") = fmt.Sprint(g), fmt.Sprint(g*0.9), fmt.Sprint(g*1.1)
		assert.NoError(d, w.Write(row))
	}
	w.Flush()
	return b.String()
}

const bad = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bad</title></head>
<body style="background: #fff"><h1></h1><p style="color: #999">pale</p><div style="width: 5000px">wide</div>
<svg viewBox="0 0 100 20" width="100"><text x="1" y="15">one</text><text x="5" y="15">two</text><text x="95" y="15">three</text><rect class="mark" width="9" height="20"/></svg>
<script>console.error("a fault of a script")</script><img src="http://127.0.0.1:9/x.png" alt="x">
<script>document.head.innerHTML += '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'; document.body.append(Object.assign(new Image(), {src: "http://127.0.0.1:9/y.png"}))</script>
</body></html>`

// printed is a page in a PDF; a run or a team takes maxPrinted of them at most.
var printed = regexp.MustCompile(`/Type */Page\b`)

const maxPrinted = 3

// A browser is a window of Chromium, with a profile of its own.
type browser struct {
	ctx  context.Context
	lock sync.Mutex
	said []string // what went wrong since the page was opened
}

func newBrowser(d desk) *browser {
	ctx, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(d.command("chromium").Path), chromedp.UserDataDir(d.at("profile")), chromedp.Env("HOME="+d.dir, "LANG=C.UTF-8"),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
	)
	d.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	d.Cleanup(func() { assert.NoError(d, chromedp.Cancel(ctx)) })
	b := &browser{ctx: ctx}
	require.NoError(d, chromedp.Listen(ctx, b.hear))
	return b
}

// hear notes requests, and what the page or the browser complains of.
func (b *browser) hear(event any) {
	fault := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Type == network.ResourceTypeDocument && strings.HasPrefix(e.Request.URL, "file://") {
			return // the page itself
		}
		fault = "it asks for " + e.Request.URL
	case *log.EventEntryAdded:
		fault = string(e.Entry.Level) + ": " + e.Entry.Text
	case *runtime.EventConsoleAPICalled:
		fault = "console: "
		for _, a := range e.Args {
			fault += string(a.Value)
		}
	case *runtime.EventExceptionThrown:
		fault = "exception: " + e.ExceptionDetails.Text
	default:
		return
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	b.said = append(b.said, fault)
}

// look opens a file and gives what is wrong with it at each width, by day and by
// night, and in print.
func (b *browser) look(t *testing.T, file string) []string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	b.lock.Lock()
	b.said = nil
	b.lock.Unlock()
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("file://"+file)))
	script, err := axe()
	require.NoError(t, err, "install it by npm ci")
	_, err = chromedp.Run(ctx, chromedp.Evaluate[any](string(script)+"; null"))
	require.NoError(t, err)
	var all []string
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		require.NoError(t, err)
		for _, width := range []int64{360, 400, 768, 1280} {
			require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)))
			faults, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](looks))
			require.NoError(t, err)
			var found []string
			if width != 360 {
				found, err = chromedp.Run(ctx, chromedp.Evaluate[[]string](audit, chromedp.EvalAwaitPromise))
				require.NoError(t, err)
			}
			for _, f := range append(faults, found...) {
				all = append(all, fmt.Sprintf("%s, %d wide: %s", scheme, width, f))
			}
		}
	}
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF())
	require.NoError(t, err)
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		all = append(all, "it can't be printed")
	}
	base := filepath.Base(file)
	if n := len(printed.FindAll(pdf, -1)); n > maxPrinted && (strings.HasPrefix(base, "run-") || strings.HasPrefix(base, "team-")) {
		all = append(all, fmt.Sprintf("it takes %d pages in print", n))
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	return append(all, b.said...)
}
