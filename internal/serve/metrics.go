package serve

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	"github.com/carbonctl/carbonctl/internal/exposition"
	"github.com/carbonctl/carbonctl/internal/serve/store"
	"github.com/carbonctl/carbonctl/runs"
)

// ledgerMetrics answer /metrics with the totals of all runs by project. Overlaps are
// counted once, which a new row can make less of: a counter never falls all the same, as
// long as the files only grow.
type ledgerMetrics struct {
	pages *pages
	hold  exposition.Hold

	mu       sync.Mutex
	families []exposition.Family
	rows     store.Rows
	of       uint64 // the generation of the state
	begun    int    // how often all was read anew
}

func (m *ledgerMetrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	state, err := m.pages.Store.Loaded(ctx)
	if err != nil {
		m.pages.fail(w, r, err)
		return
	}
	format := exposition.Accepted(r.Header.Get("Accept"))
	h := w.Header()
	h.Set("Content-Type", format.ContentType())
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	h.Set("X-Content-Type-Options", "nosniff")
	_ = format.Write(w, m.all(state)) // whoever has gone does not need it
}

// all are the families of a state, which are made once.
func (m *ledgerMetrics) all(state *store.State) []exposition.Family {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.families != nil && m.of == state.Generation {
		return m.families
	}
	team, _ := m.pages.views.team(state.Rows, runs.Filter{}, m.pages.Pages, m.pages.now())
	families := team.Metrics()
	if !state.Rows.Extends(m.rows) {
		m.begun++
	}
	m.hold.Apply(strconv.Itoa(m.begun), families)
	m.families = append(families, exposition.Family{
		Name: "carbonctl_ledger_runs_underway", Kind: exposition.Gauge, Help: "Runs that go on, by their journals; they are in no total yet.",
		Samples: []exposition.Sample{{Value: float64(len(state.Live))}},
	})
	m.of, m.rows = state.Generation, state.Rows
	return m.families
}
