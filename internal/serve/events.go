package serve

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/internal/serve/store"
)

// Bounds on who follows.
const (
	maxFollowers = 200
	heartbeat    = 15 * time.Second
	eventTime    = 10 * time.Second // that a follower may take to be told
)

// events tells browsers that there is something new, by server-sent events: "state" with
// the number of the state at once and whenever that changes. What is new they ask for.
type events struct {
	store     *store.Store
	followers atomic.Int32
}

// ending is in the context of a request what ends when the server is to end.
type ending struct{}

func (e *events) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.followers.Add(1) > maxFollowers {
		e.followers.Add(-1)
		w.Header().Set("Retry-After", "30")
		problem(w, http.StatusServiceUnavailable, fmt.Sprintf("%d browsers follow already", maxFollowers))
		return
	}
	defer e.followers.Add(-1)
	stopping, _ := r.Context().Value(ending{}).(context.Context)
	if stopping == nil {
		stopping = r.Context()
	}
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // that of a question ends the connection while nothing is said
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of a proxy that would wait for more
	say := func(text string) bool {
		_ = out.SetWriteDeadline(time.Now().Add(eventTime))
		if _, err := w.Write([]byte(text)); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	if !say("retry: 2000\n\n") || r.Method == http.MethodHead {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		state, changed := e.store.State()
		if state.Generation > 0 && !say(fmt.Sprintf("event: state\ndata: %s\n\n", stateID(state))) {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-beat.C:
				if !say(": still here\n\n") {
					return
				}
			case <-r.Context().Done():
				return
			case <-stopping.Done():
				return
			}
		}
	}
}

// stateID names a state: another one after a restart too.
func stateID(s *store.State) string {
	return fmt.Sprintf("%x-%d", s.At.UnixNano(), s.Generation)
}
