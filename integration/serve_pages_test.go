package integration

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A reader is somebody who looks at served pages in a browser.
type reader struct {
	*browser
	t       *testing.T
	ctx     context.Context
	address string
}

func newReader(d desk, address string) *reader {
	b := newBrowser(d)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	d.Cleanup(cancel)
	return &reader{b, d.T, ctx, address}
}

func (r *reader) open(path string) {
	r.t.Helper()
	require.NoError(r.t, chromedp.Do(r.ctx, chromedp.Navigate(r.address+path)))
}

func (r *reader) press(keys string) {
	r.t.Helper()
	require.NoError(r.t, chromedp.Do(r.ctx, chromedp.KeyEvent(keys)))
}

// eval runs a script, and waits for what it promises.
func eval[T any](r *reader, script string) T {
	r.t.Helper()
	v, err := chromedp.Run(r.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(r.t, err, script)
	return v
}

// until waits for an expression to be true, on whatever page there is then, and says how
// long that took.
func (r *reader) until(expression string) time.Duration {
	r.t.Helper()
	for start := time.Now(); ; {
		ok, err := chromedp.Run(r.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok { // an error is of a page that is just being left
			return time.Since(start)
		}
		if time.Since(start) > 20*time.Second {
			require.FailNow(r.t, "never: "+expression, "%v\n%s", err, eval[string](r, `document.body.innerText.slice(0, 2000)`))
		}
		<-time.After(20 * time.Millisecond)
	}
}

// tabTo goes on with Tab to what a selector names.
func (r *reader) tabTo(selector string) {
	r.t.Helper()
	for range 80 {
		r.press(kb.Tab)
		if eval[bool](r, `document.activeElement.matches(`+fmt.Sprintf("%q", selector)+`)`) {
			return
		}
	}
	r.t.Fatalf("no %s within 80 tabs", selector)
}

// faults are what the browser complained of, but for what was asked of the server itself.
func (r *reader) faults() (all []string) {
	r.lock.Lock()
	defer r.lock.Unlock()
	for _, f := range r.said {
		if !strings.HasPrefix(f, "it asks for "+r.address+"/") {
			all = append(all, f)
		}
	}
	r.said = nil
	return all
}

// looks checks the page that is open at three widths, by day and by night.
func (r *reader) looks(name string) {
	script, err := axe()
	require.NoError(r.t, err, "install it by npm ci")
	eval[any](r, string(script)+"; null")
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(r.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		require.NoError(r.t, err)
		for _, width := range []int64{400, 768, 1280} {
			require.NoError(r.t, chromedp.Do(r.ctx, chromedp.EmulateViewport(width, 900)))
			for _, f := range append(eval[[]string](r, looks), eval[[]string](r, audit)...) {
				r.t.Errorf("%s, %s, %d wide: %s", name, scheme, width, f)
			}
			if dir := os.Getenv("CARBONCTL_SCREENSHOTS"); dir != "" {
				png, err := chromedp.Run(r.ctx, chromedp.FullScreenshot(100))
				require.NoError(r.t, err)
				require.NoError(r.t, os.WriteFile(fmt.Sprintf("%s/serve-%s-%s-%d.png", dir, name, scheme, width), png, 0o600))
			}
		}
	}
}

const serveToken = "a-token-of-this-test"

// TestServedPagesInABrowser signs in, looks at each kind of page, filters and sorts by the
// keyboard, and sees a run appear, the server go away and come back.
func TestServedPagesInABrowser(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for i, project := range []string{"vision", hostile, "speech"} {
		d.run("carbonctl", "wrap", "-q", "--region", []string{"FR", "PL"}[i%2], "--ledger", "runs.csv", "--project", project, "--label", "team=nlp", "--", "true")
	}
	d.write("token", serveToken+"\n")
	serve, address := d.server(`^serving on (http://\S+)$`, "carbonctl", "serve", "runs.csv", "--listen", "127.0.0.1:0", "--token-file", "token", "--budget", "1kg", "--title", "NLP team")
	r := newReader(d, address)

	r.open("/?project=vision")
	r.looks("login")
	assert.Equal(t, "token", eval[string](r, `document.activeElement.name`))
	r.faults() // the console tells of the status 401
	r.press("not the token at all" + kb.Enter)
	r.until(`document.querySelector("[role=alert]")`)
	r.faults()
	r.press(serveToken + kb.Enter)
	r.until(`document.querySelector("h1 bdi")?.textContent === "NLP team"`)
	assert.NotContains(t, eval[string](r, `location.href`), "token")
	assert.Empty(t, eval[string](r, `document.cookie`), "no script sees it")
	r.open("/")
	r.until(`document.querySelector("main")?.textContent.includes("3 runs")`)
	assert.NotContains(t, eval[string](r, `document.querySelector("main").innerHTML`), "<script")
	r.looks("all")

	// Sorted by the keyboard, a new run appears, and order and focus stay.
	require.NoError(t, chromedp.Do(r.ctx, chromedp.EmulateViewport(1280, 900)))
	r.tabTo("table.sorts th:first-child button")
	r.press(kb.Enter)
	order := `[...document.querySelectorAll("table.sorts")][0].tHead.rows[0].cells[0].getAttribute("aria-sort")`
	assert.Equal(t, "ascending", eval[string](r, order))
	d.run("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "runs.csv", "--project", "brand-new", "--", "true")
	took := r.until(`document.querySelector("main").textContent.includes("brand-new")`)
	assert.Less(t, took, 2*time.Second)
	assert.Equal(t, "ascending", eval[string](r, order))
	assert.True(t, eval[bool](r, `document.activeElement.matches("table.sorts th:first-child button")`), "the focus stays")

	// A run that goes on.
	going := d.command("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "runs.csv", "--project", "underway", "--", "sleep", "60")
	require.NoError(t, going.Start())
	r.until(`document.querySelector("tr.going")?.textContent.includes("underway")`)
	assert.Contains(t, eval[string](r, `document.querySelector("header").textContent`), "1 run underway")
	r.open(eval[string](r, `document.querySelector("tr.going a").getAttribute("href")`))
	r.until(`document.querySelector(".state")?.textContent.includes("running")`)
	r.looks("going")
	require.NoError(t, going.Process.Signal(syscall.SIGTERM))
	_ = going.Wait() // it was told to end
	r.until(`document.querySelector(".state").textContent.includes("killed by SIGTERM")`)
	r.open("/")
	r.until(`!document.querySelector("tr.going") && document.querySelector("main").textContent.includes("underway")`)

	// Filtered by the keyboard; the filter stands in the address.
	r.tabTo("select[name=project]")
	r.press("sp") // the first letters choose
	r.tabTo("form button")
	r.press(kb.Enter)
	r.until(`location.search === "?project=speech"`)
	r.until(`document.querySelector("main")?.textContent.includes("1 run")`)
	assert.Equal(t, "speech", eval[string](r, `document.querySelector("select[name=project]").value`))
	assert.NotContains(t, eval[string](r, `[...document.querySelectorAll("table.sorts")].map((x) => x.textContent).join()`), "brand-new")

	// The page of a run, and two beside each other.
	r.open("/")
	link := eval[string](r, `document.querySelector('a[href^="/runs/"]').getAttribute("href")`)
	r.open(link)
	r.until(`document.querySelector(".big")`)
	r.looks("run")
	r.open("/compare")
	r.looks("choose")
	r.tabTo("button")
	r.press(kb.Enter)
	r.until(`document.querySelector("h1")?.textContent === "2 runs compared"`)
	r.looks("compare")
	r.open("/v1/")
	r.looks("api")
	assert.Empty(t, r.faults(), "nothing is complained of, and nobody else is asked")

	// The server goes, and comes back with another run.
	r.open("/")
	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	require.NoError(t, serve.Wait())
	r.until(`document.querySelector("[role=status]").textContent.includes("Not up to date")`)
	d.run("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "runs.csv", "--project", "while-it-was-away", "--", "true")
	d.server(`^serving on (http://\S+)$`, "carbonctl", "serve", "runs.csv", "--listen", strings.TrimPrefix(address, "http://"), "--token-file", "token")
	r.until(`document.querySelector("main").textContent.includes("while-it-was-away")`)
	assert.Empty(t, eval[string](r, `document.querySelector("[role=status]").textContent`))
}

// TestAPageFollowsThroughAGateway has a proxy that answers in place of a server that restarts:
// a browser takes its 502 for the end of all events.
func TestAPageFollowsThroughAGateway(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.run("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "runs.csv", "--project", "first", "--", "true")
	_, address := d.server(`^serving on (http://\S+)$`, "carbonctl", "serve", "runs.csv", "--listen", "127.0.0.1:0")
	to, err := url.Parse(address)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	var down atomic.Int32
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" && down.Add(1) == 1 {
			http.Error(w, "the server restarts", http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(gateway.CloseClientConnections)
	r := newReader(d, gateway.URL)
	r.open("/")
	r.until(`document.querySelector("[role=status]").textContent.includes("Not up to date")`)
	d.run("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "runs.csv", "--project", "second", "--", "true")
	r.until(`document.querySelector("main").textContent.includes("second")`)
	assert.Empty(t, eval[string](r, `document.querySelector("[role=status]").textContent`))
}

// TestServeUnderLoad serves 100,000 runs: it answers at once, the first page is there as soon
// as all is read, also after an append, and 1,000 requests at once all get theirs.
func TestServeUnderLoad(t *testing.T) {
	d := newDesk(t)
	d.run("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "one.csv", "--project", "vision", "--", "true")
	const many = 100_000
	header, row, _ := strings.Cut(strings.TrimSuffix(d.read("one.csv"), "\n"), "\n")
	id, stamp := regexp.MustCompile(`^([^,]*,[^,]*,)([^,]*)`), regexp.MustCompile(`,\d{4}-\d\d-\d\dT[^,]*Z,\d{4}-\d\d-\d\dT[^,]*Z,`)
	var all bytes.Buffer
	fmt.Fprintln(&all, header)
	// numbered is a run of 90 s, of which one a minute begins: each shares its machine with the next.
	numbered := func(n int) string {
		start := time.Now().UTC().Add(time.Duration(n-many) * time.Minute)
		at := func(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }
		text := id.ReplaceAllString(row, fmt.Sprintf("${1}0198c0de-0000-7000-8000-%012d", n))
		return stamp.ReplaceAllString(text, ","+at(start)+","+at(start.Add(90*time.Second))+",")
	}
	for n := range many {
		fmt.Fprintln(&all, numbered(n))
	}
	d.write("runs.csv", all.String())
	all = bytes.Buffer{}

	start := time.Now()
	serve, address := d.server(`^serving on (http://\S+)$`, "carbonctl", "serve", "runs.csv", "--listen", "127.0.0.1:0")
	get := func(path string) (int, int) {
		res, err := http.Get(address + path)
		if !assert.NoError(t, err) {
			return 0, 0
		}
		defer res.Body.Close()
		var body bytes.Buffer
		_, err = body.ReadFrom(res.Body)
		assert.NoError(t, err)
		return res.StatusCode, body.Len()
	}
	code, _ := get("/healthz")
	require.Equal(t, http.StatusOK, code)
	ready := time.Since(start)
	code, size := get("/")
	require.Equal(t, http.StatusOK, code)
	assert.Less(t, size, 300_000)
	t.Logf("/healthz %v after the start, the first page %v", ready, time.Since(start))
	assert.Less(t, ready, 5*time.Second) // one, at rest

	f, err := os.OpenFile(d.at("runs.csv"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	var times []time.Duration
	for n := range 5 {
		_, err := fmt.Fprintln(f, numbered(many+n))
		require.NoError(t, err)
		for begin := time.Now(); ; {
			asked := time.Now()
			res, err := http.Get(address + "/?format=json")
			require.NoError(t, err)
			var body bytes.Buffer
			_, err = body.ReadFrom(res.Body)
			require.NoError(t, err)
			res.Body.Close()
			if strings.Contains(body.String(), fmt.Sprintf(`"runs": %d`, many+n+1)) {
				times = append(times, time.Since(asked))
				break
			}
			require.Less(t, time.Since(begin), 20*time.Second, "the row that was appended is not there")
			<-time.After(20 * time.Millisecond)
		}
	}
	t.Logf("pages after an append: %v", times)

	answers := make(chan int, 1000)
	begin := time.Now()
	for range cap(answers) {
		go func() {
			code, _ := get("/")
			answers <- code
		}()
	}
	for range cap(answers) {
		assert.Equal(t, http.StatusOK, <-answers)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", serve.Process.Pid))
	require.NoError(t, err)
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindStringSubmatch(string(status))
	require.NotNil(t, peak)
	var kB int
	_, err = fmt.Sscan(peak[1], &kB)
	require.NoError(t, err)
	t.Logf("1000 at once in %v, %d MB at the most", time.Since(begin), kB>>10)
	assert.LessOrEqual(t, kB>>10, 200)
}
