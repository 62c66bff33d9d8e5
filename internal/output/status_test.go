package output

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// terminal is what was written to one.
type terminal struct {
	mu  sync.Mutex
	got bytes.Buffer
}

func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.got.Write(b)
}

// take is what came since the last time.
func (t *terminal) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.got.Reset()
	return strings.ReplaceAll(t.got.String(), "\r\x1b[K", "|")
}

func at80() int { return 80 }

func TestAStatusIsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tty := &terminal{}
		s := newStatus(tty, at80)
		var text atomic.Value
		var busy atomic.Bool
		text.Store("one")
		s.Beside(busy.Load)
		stop := s.Every(10*time.Second, time.Second, func() string { return text.Load().(string) })
		step := func(d time.Duration) string { time.Sleep(d); synctest.Wait(); return tty.take() }
		assert.Empty(t, step(9*time.Second), "nothing before its time")
		assert.Equal(t, "|one", step(time.Second))
		text.Store(strings.Repeat("wide ", 30))
		assert.Equal(t, "|"+strings.Repeat("wide ", 15)+"wid…", step(time.Second), "cut at the width")
		s.Aside(func() { _, _ = io.WriteString(tty, "message\n") })
		assert.Equal(t, "|message\n", tty.take(), "erased before anything else")
		text.Store("")
		assert.Empty(t, step(time.Second), "no text, no line")
		text.Store("two")
		busy.Store(true)
		assert.Empty(t, step(time.Second), "somebody else is printing")
		busy.Store(false)
		assert.Equal(t, "|two", step(time.Second))
		s.Erase()
		s.Erase()
		assert.Equal(t, "|", tty.take(), "erased once")
		assert.Equal(t, "|two", step(time.Second))
		stop()
		stop()
		assert.Equal(t, "|", step(time.Minute), "erased at the end, and nothing after it")
		stop = s.Every(0, time.Second, func() string { return "again" })
		assert.Equal(t, "|again", step(0))
		s.Close()
		assert.Equal(t, "|", step(time.Minute))
		stop()
	})
}

// A text that is still being made when the line is stopped is not drawn.
func TestAStatusThatIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tty := &terminal{}
		s := newStatus(tty, at80)
		stop := s.Every(0, time.Second, func() string { time.Sleep(time.Hour); return "late" })
		time.Sleep(time.Minute)
		stop()
		s.Close()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		assert.Empty(t, tty.take())
	})
}

// slow gives some bytes a second.
type slow struct{ left, each int }

func (s *slow) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(1100 * time.Millisecond) // beside the ticks
	s.left -= s.each
	return s.each, nil
}

func TestReadingShowsHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tty := &terminal{}
		s := newStatus(tty, at80)
		_, _ = io.Copy(io.Discard, s.Through("/a/short.csv", &slow{100, 100}, 100))
		assert.Empty(t, tty.take(), "a short file is not worth a line")
		_, _ = io.Copy(io.Discard, s.Through("/a/ledger\x1b.csv", &slow{1000, 100}, 1000))
		got := tty.take()
		assert.Regexp(t, `\|ledger�\.csv: 50 %, [56] s left\|`, got)
		assert.NotContains(t, got, "100 %")
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.True(t, strings.HasSuffix(got+tty.take(), " left|"), "erased at the end: %q", got)
		r := strings.NewReader("x")
		assert.Same(t, r, s.Through("pipe", r, 0), "of what has no size nothing is known")
		s.Close()
	})
}

func TestNoStatusDoesNothing(t *testing.T) {
	env := func(string) string { return "" }
	assert.Nil(t, NewStatus(&bytes.Buffer{}, env))
	var s *Status
	s.Beside(func() bool { return true })
	s.Every(0, 0, func() string { t.Error("nobody sees it"); return "" })()
	s.Erase()
	s.Forget()
	r := strings.NewReader("x")
	assert.Same(t, r, s.Through("x", r, 1))
	printed := false
	s.Aside(func() { printed = true })
	assert.True(t, printed)
	s.Close()
}
