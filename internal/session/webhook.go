package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	hook "github.com/carbonctl/carbonctl/export/webhook"
)

// A webhook is a message for a web service: a run's ID and what its budget says.
type webhook struct {
	URL   string `json:"url"`
	RunID string `json:"run_id"`
	Text  string `json:"text"`
}

// postWait is how long a webhook may take, with all tries.
const postWait = 5 * time.Second

// send tells the web service, signed with the secret of this environment. An error names
// the host alone: the rest of such a URL is a secret.
func (w webhook) send(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, postWait)
	defer cancel()
	to, err := hook.New(w.URL, os.Getenv)
	if err == nil {
		err = to.Send(ctx, hook.Message{Event: hook.EventBudget, RunID: w.RunID, Text: w.Text})
	}
	if err != nil {
		return fmt.Errorf("webhook %w", err)
	}
	return nil
}

// helperArgument is the only argument of a helper.
const helperArgument = "__webhook"

// IsHelper reports whether a command line, with its program, is that of a helper:
// a process that sends a message and may outlive us. Its main must call Help.
func IsHelper(args []string) bool { return len(args) == 2 && args[1] == helperArgument }

// Help is all that a helper does: it reads its message from standard input, sends
// it, and writes what went wrong to standard output. It returns the exit code.
func Help() int {
	var w webhook
	if err := json.NewDecoder(os.Stdin).Decode(&w); err != nil {
		return 2
	}
	_ = os.Stdin.Close()
	if err := w.send(context.Background()); err != nil {
		_, _ = io.WriteString(os.Stdout, err.Error()) // whoever started us may have ended
		return 1
	}
	return 0
}

// handOver starts a helper for the message, in a session of its own and without
// our terminal, so that it is sent also when we have ended. It is none of the
// command's processes. answer waits for the helper, and returns what went wrong.
func (w webhook) handOver(p process) (answer func() error, err error) {
	message, err := json.Marshal(w) // not as an argument: whoever lists processes would see it
	if err != nil {
		return nil, err
	}
	in, put, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	defer put.Close()
	get, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		defer null.Close()
		err = p.Aside(func() (int, error) { return startHelper(in, out, null) })
	}
	if err == nil {
		_, err = put.Write(message) // it fits a pipe
	}
	if err != nil {
		_ = get.Close()
		return nil, err
	}
	return func() error {
		defer get.Close()
		if b, _ := io.ReadAll(io.LimitReader(get, 4096)); len(b) > 0 {
			return errors.New(string(b))
		}
		return nil
	}, nil
}

func startHelper(in, out, null *os.File) (pid int, err error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	h, err := os.StartProcess(exe, []string{os.Args[0], helperArgument}, &os.ProcAttr{
		Dir: string(os.PathSeparator), Env: os.Environ(), Files: []*os.File{in, out, null}, Sys: detached(),
	})
	if err != nil {
		return 0, err
	}
	defer func() { _ = h.Release() }()
	return h.Pid, nil
}
