package serve

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// follow opens the events of a server, and gives its lines.
func follow(t *testing.T, ctx context.Context, address string) (*http.Response, *bufio.Scanner) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/events", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { res.Body.Close() })
	return res, bufio.NewScanner(res.Body)
}

// next is the data of the next event, "" at the end.
func next(lines *bufio.Scanner) string {
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return data
		}
	}
	return ""
}

func (e *events) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.followers)
}

func TestEventsTellWhatIsNew(t *testing.T) {
	s := newShelf(t)
	l, err := Listen(t.Context(), ":0")
	require.NoError(t, err)
	serving, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(serving, l, s, time.Minute) }()
	address := "http://" + l.Addr().String()

	res, lines := follow(t, t.Context(), address)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	first := next(lines)
	assert.NotEmpty(t, first, "what there is, at once")
	s.record(finished("0198c0de-0001", 3))
	second := next(lines)
	assert.NotEmpty(t, second)
	assert.NotEqual(t, first, second)

	// One that goes is forgotten.
	ctx, leave := context.WithCancel(t.Context())
	_, others := follow(t, ctx, address)
	assert.Equal(t, second, next(others))
	assert.Equal(t, 2, s.pages.events.count())
	leave()
	assert.Empty(t, next(others))

	// The server's end ends the others, at once.
	stop()
	assert.Empty(t, next(lines))
	assert.NoError(t, <-ended)
	assert.Zero(t, s.pages.events.count())
}

// A client that opens more events than there are places for takes its own, and keeps nobody out.
func TestFollowersAreBounded(t *testing.T) {
	e := &events{}
	first := e.join("10.0.0.1")
	var greedy []*follower
	for range 3 * maxFollowers {
		greedy = append(greedy, e.join("10.0.0.2"))
	}
	last := e.join("10.0.0.3")
	assert.Len(t, e.followers, maxFollowers)
	left := func(f *follower) bool {
		select {
		case <-f.leave:
			return true
		default:
			return false
		}
	}
	assert.False(t, left(first), "the oldest of all")
	assert.False(t, left(last))
	n := 0
	for i, f := range greedy {
		if left(f) {
			n++
			assert.Less(t, i, 3*maxFollowers-(maxFollowers-2), "the oldest go")
		}
	}
	assert.Equal(t, 3*maxFollowers-(maxFollowers-2), n)
	e.part(first)
	e.part(greedy[0]) // it has left already
	assert.Len(t, e.followers, maxFollowers-1)
}

func TestAFollowerThatLeavesIsAnswered(t *testing.T) {
	s := newShelf(t)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	_, lines := follow(t, ctx, server.URL)
	require.NotEmpty(t, next(lines))
	for range maxFollowers {
		s.pages.events.join("127.0.0.1")
	}
	assert.Empty(t, next(lines), "another has its place")
}
