//go:build unix

package watch

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func null(t testing.TB) *Matcher {
	p, err := Compile(`Epoch (\d+)`)
	require.NoError(t, err)
	return NewMatcher(p, func(Event) {})
}

// through runs a shell with our ways in place of stdout and stderr, and gives
// what came out.
func through(t *testing.T, script string, shared bool) (out, errs string, left bool) {
	outR, outW, err := os.Pipe()
	require.NoError(t, err)
	errR, errW, err := os.Pipe()
	require.NoError(t, err)
	if shared {
		errW = outW
	}
	m := null(t)
	o, err := Open(outW, errW, m)
	require.NoError(t, err)
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Stdout, cmd.Stderr = o.Stdout, o.Stderr
	require.NoError(t, cmd.Start())
	o.Started()
	read := make(chan string, 2)
	go func() { b, _ := io.ReadAll(outR); read <- string(b) }()
	require.NoError(t, cmd.Wait())
	left = o.Drain(time.Second)
	m.Close(false)
	_ = outW.Close()
	out = <-read
	if !shared {
		_ = errW.Close()
		b, err := io.ReadAll(errR)
		require.NoError(t, err)
		errs = string(b)
	}
	return out, errs, left
}

func TestEveryByteComesThrough(t *testing.T) {
	out, errs, left := through(t, `printf 'a\0b\r\nEpoch 1\377'; printf 'to stderr' >&2`, false)
	assert.Equal(t, "a\x00b\r\nEpoch 1\xff", out)
	assert.Equal(t, "to stderr", errs)
	assert.False(t, left)
}

func TestOrderStaysWhereBothAreTheSame(t *testing.T) {
	out, _, _ := through(t, `for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done`, true)
	assert.Equal(t, "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\nout 4\nerr 4\nout 5\nerr 5\n", out)
}

func TestTenMegabytesInOneLine(t *testing.T) {
	out, _, _ := through(t, `head -c 10485760 /dev/zero | tr '\0' x`, false)
	assert.Len(t, out, 10<<20)
	assert.Equal(t, 10<<20, strings.Count(out, "x"))
}

func TestAReaderThatGoesAwayIsFeltByTheCommand(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	m := null(t)
	o, err := Open(w, nil, m)
	require.NoError(t, err)
	assert.Nil(t, o.Stderr, "left alone")
	cmd := exec.Command("/bin/sh", "-c", "while echo y; do :; done")
	cmd.Stdout = o.Stdout
	require.NoError(t, cmd.Start())
	o.Started()
	_ = w.Close()
	_, err = io.ReadFull(r, make([]byte, 100))
	require.NoError(t, err)
	_ = r.Close()
	assert.ErrorContains(t, cmd.Wait(), "broken pipe")
	assert.False(t, o.Drain(time.Second))
	m.Close(false)
}

func TestClosedStreamsAreLeftAlone(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	_ = r.Close()
	_ = w.Close()
	m := null(t)
	defer m.Close(false)
	o, err := Open(w, nil, m)
	require.NoError(t, err)
	assert.Nil(t, o.Stdout)
	o.Close()
}

func TestAMatcherThatHangsHoldsNothingUp(t *testing.T) {
	hold := make(chan struct{})
	p, err := Compile(`Epoch (\d+)`)
	require.NoError(t, err)
	m := NewMatcher(p, func(Event) { <-hold })
	r, w, err := os.Pipe()
	require.NoError(t, err)
	o, err := Open(w, nil, m)
	require.NoError(t, err)
	cmd := exec.Command("/bin/sh", "-c", `echo Epoch 1; head -c 20000000 /dev/zero; echo end`)
	cmd.Stdout = o.Stdout
	require.NoError(t, cmd.Start())
	o.Started()
	done := make(chan []byte)
	go func() { b, _ := io.ReadAll(r); done <- b }()
	require.NoError(t, cmd.Wait())
	assert.False(t, o.Drain(time.Second))
	_ = w.Close()
	b := <-done
	assert.True(t, bytes.HasSuffix(b, []byte("\x00end\n")))
	close(hold)
	m.Close(false)
	assert.Positive(t, m.Seen().Skipped)
}

// BenchmarkForward passes a file of log lines on, by us and by cat.
func BenchmarkForward(b *testing.B) {
	const size, times = 128 << 20, 8
	file := b.TempDir() + "/log"
	line := "2026-11-22 13:00:00,123 - INFO - step 1234 loss 0.123456 lr 3.2e-05\n"
	require.NoError(b, os.WriteFile(file, bytes.Repeat([]byte(line), size/len(line)), 0o600))
	files := slices.Repeat([]string{file}, times)
	sink := func() (*os.File, func()) { // a reader like any other
		r, w, err := os.Pipe()
		require.NoError(b, err)
		reader := exec.Command("/bin/sh", "-c", "exec cat >/dev/null")
		reader.Stdin = r
		require.NoError(b, reader.Start())
		_ = r.Close()
		return w, func() { _ = w.Close(); _ = reader.Wait() }
	}
	b.Run("cat", func(b *testing.B) {
		b.SetBytes(size * times)
		for b.Loop() {
			w, wait := sink()
			cmd := exec.Command("/bin/sh", append([]string{"-c", `cat "$@" | cat`, "sh"}, files...)...)
			cmd.Stdout = w
			require.NoError(b, cmd.Run())
			wait()
		}
	})
	b.Run("watch", func(b *testing.B) {
		b.SetBytes(size * times)
		for b.Loop() {
			w, wait := sink()
			m := null(b)
			o, err := Open(w, nil, m)
			require.NoError(b, err)
			cmd := exec.Command("cat", files...)
			cmd.Stdout = o.Stdout
			require.NoError(b, cmd.Start())
			o.Started()
			require.NoError(b, cmd.Wait())
			o.Drain(time.Second)
			wait()
			b.StopTimer() // the rest of the queue takes some milliseconds once
			m.Close(false)
			b.StartTimer()
		}
	})
}
