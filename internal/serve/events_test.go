package serve

import (
	"bufio"
	"context"
	"net/http"
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
	assert.EqualValues(t, 2, s.pages.events.followers.Load())
	leave()
	assert.Empty(t, next(others))

	// The server's end ends the others, at once.
	stop()
	assert.Empty(t, next(lines))
	assert.NoError(t, <-ended)
	assert.Zero(t, s.pages.events.followers.Load())
}

func TestFollowersAreBounded(t *testing.T) {
	s := newShelf(t)
	s.pages.events.followers.Store(maxFollowers)
	w := ask(s, here+"/events")
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "30", w.Header().Get("Retry-After"))
	assert.EqualValues(t, maxFollowers, s.pages.events.followers.Load())
}
