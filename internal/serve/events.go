package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
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
	store *store.Store

	mu        sync.Mutex
	followers []*follower // the oldest first
}

// A follower is a browser that is told.
type follower struct {
	address string
	leave   chan struct{} // closed where another one takes its place
}

// join takes a follower. Where there are too many, the oldest of the address that has the most
// leaves: no client can keep others out, and a browser comes back by itself.
func (e *events) join(address string) *follower {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := &follower{address, make(chan struct{})}
	e.followers = append(e.followers, f)
	if len(e.followers) > maxFollowers {
		by := map[string]int{}
		for _, f := range e.followers {
			by[f.address]++
		}
		most := 0
		for _, n := range by {
			most = max(most, n)
		}
		i := slices.IndexFunc(e.followers, func(f *follower) bool { return by[f.address] == most })
		close(e.followers[i].leave)
		e.followers = slices.Delete(e.followers, i, i+1)
	}
	return f
}

func (e *events) part(f *follower) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.followers, f); i >= 0 {
		e.followers = slices.Delete(e.followers, i, i+1)
	}
}

// ending is in the context of a request what ends when the server is to end.
type ending struct{}

func (e *events) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	self := e.join(address)
	defer e.part(self)
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
	h.Set("Connection", "close")     // who was told to leave keeps no connection
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
	defer e.store.Watch()()
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
			case <-self.leave:
				return
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
