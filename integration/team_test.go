package integration

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tables of a team's page are sorted by the keyboard alone, and say how.
func TestATeamsPageSortsByKeyboard(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := newBrowser(d)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for _, page := range []string{"team-year", "team-odd"} {
		file, err := filepath.Abs("../report/page/testdata/" + page + ".html")
		require.NoError(t, err)
		require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("file://"+file)))
		// column gives the cells of a column of the first table, as a script would sort them.
		column := func(n string) []string {
			all, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelector("table.sorts").tBodies[0].rows].map((r) => r.cells[`+n+`].dataset.value ?? r.cells[`+n+`].textContent)`))
			require.NoError(t, err)
			return all
		}
		// sorted says whether the first table is in order, and what its heads say.
		sorted := func(n, order string) bool {
			ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`(() => {
				const table = document.querySelector("table.sorts"), head = table.tHead.rows[0].cells[`+n+`];
				const said = [...table.tHead.rows[0].cells].filter((c) => c.hasAttribute("aria-sort"));
				const values = [...table.tBodies[0].rows].map((r) => r.cells[`+n+`].dataset.value ?? r.cells[`+n+`].textContent);
				const down = head.getAttribute("aria-sort") === "descending";
				const right = values.every((v, i) => !i || (head.dataset.sort === "number" ? Number(values[i - 1]) <= Number(v) : values[i - 1].localeCompare(v) <= 0) !== down || values[i - 1] === v);
				return said.length === 1 && said[0] === head && head.getAttribute("aria-sort") === "`+order+`" && right;
			})()`))
			require.NoError(t, err)
			return ok
		}
		press := func(key string) {
			require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(key)))
		}
		// toHead goes on with Tab to the head of a column of the first table.
		toHead := func(text string) {
			for range 60 {
				press(kb.Tab)
				at, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement.closest("th") ? document.activeElement.textContent : ""`))
				require.NoError(t, err)
				if strings.HasPrefix(at, text) {
					return
				}
			}
			t.Fatalf("%s: no head %q within 60 tabs", page, text)
		}
		assert.True(t, sorted("1", "descending"), "%s is by amount at first", page)
		was := column("0")
		toHead("project")
		press(kb.Enter)
		assert.True(t, sorted("0", "ascending"), "%s by name: %v", page, column("0"))
		press(" ")
		assert.True(t, sorted("0", "descending"), "%s by name, the other way: %v", page, column("0"))
		toHead("kg CO2e")
		press(kb.Enter)
		assert.True(t, sorted("1", "descending"), "%s by amount: %v", page, column("1"))
		assert.ElementsMatch(t, was, column("0"))
		assert.NotEmpty(t, was)
		b.lock.Lock()
		assert.Empty(t, b.said)
		b.lock.Unlock()
	}
}
