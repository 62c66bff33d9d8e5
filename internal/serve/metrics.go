package serve

import (
	"bytes"
	"context"
	"net/http"

	"github.com/carbonctl/carbonctl/internal/exposition"
	"github.com/carbonctl/carbonctl/runs"
)

// metrics answers with the totals of all runs by project, the families that "report --format
// prometheus" writes, in the format that is asked for.
func (p *pages) metrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	state, err := p.Store.Loaded(ctx)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	format := exposition.Accepted(r.Header.Get("Accept"))
	made, err := p.made.get(ctx, "/metrics "+format.ContentType(), stateID(state), func(context.Context) ([]byte, string, error) {
		t, _ := p.views.team(state.Rows, runs.Filter{}, p.Pages, p.now())
		var b bytes.Buffer
		err := format.Write(&b, t.Metrics())
		return b.Bytes(), format.ContentType(), err
	})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", made.kind)
	w.Header().Set("Vary", "Accept")
	_, _ = w.Write(made.body) // who has gone needs no answer
}
