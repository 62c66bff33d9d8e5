package session

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
)

// Budget is what a command may use, and what is done when it has. The zero value
// is no budget.
type Budget struct {
	Limit     string        // "500g", "2kWh", "3h", "2EUR"; "": none
	Action    string        // warn, stop, exec:CMD, webhook:URL
	Price     float64       // of a kWh, for a limit of money
	Predicted bool          // act before an epoch that would not fit
	Grace     time.Duration // between asking the command to stop and killing it
}

// What is done when a budget is reached; exec and webhook have an argument.
const (
	Warn      = "warn"
	onStop    = "stop"
	onExec    = "exec:"
	onWebhook = "webhook:"
)

// alarm acts once when the budget is reached.
type alarm struct {
	budget Budget
	say    func(text string)
	run    string

	mu      sync.Mutex
	process *child.Process
	reached bool // before the command was there
	timer   *time.Timer
	sent    sync.WaitGroup
}

// limit gives the run its budget, nil if there is none.
func (a *alarm) limit() (*footprint.Budget, error) {
	b := a.budget
	if b.Limit == "" {
		return nil, nil
	}
	switch {
	case b.Action == Warn, b.Action == onStop:
	case strings.HasPrefix(b.Action, onExec) && b.Action != onExec:
	case strings.HasPrefix(b.Action, onWebhook+"http://"), strings.HasPrefix(b.Action, onWebhook+"https://"):
	default:
		return nil, fmt.Errorf("--on-budget: %q is none of warn, stop, exec:CMD, webhook:URL", b.Action)
	}
	limit, err := footprint.ParseBudget(b.Limit, b.Price)
	if err != nil {
		return nil, fmt.Errorf("--budget: %w", err)
	}
	limit.Predicted = b.Predicted
	limit.Action, _, _ = strings.Cut(b.Action, ":")
	limit.Reached = func(why error) { go a.act(why) } // between two readings: it must not wait
	return limit, nil
}

// started gives the alarm what it may stop.
func (a *alarm) started(p *child.Process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.process = p
	if a.reached {
		a.stop()
	}
}

func (a *alarm) act(why error) {
	a.say(why.Error())
	switch action := a.budget.Action; {
	case action == onStop:
		a.mu.Lock()
		defer a.mu.Unlock()
		a.reached = true
		if a.process != nil {
			a.stop()
		}
	case strings.HasPrefix(action, onExec):
		a.exec(strings.TrimPrefix(action, onExec), why)
	case strings.HasPrefix(action, onWebhook):
		a.sent.Add(1)
		defer a.sent.Done()
		if err := post(strings.TrimPrefix(action, onWebhook), a.run, why); err != nil {
			a.say(fmt.Sprintf("--on-budget: %v", err))
		}
	}
}

// stop asks the command to end, and kills it after a while. a.mu is held.
func (a *alarm) stop() {
	p := a.process
	if err := p.Signal(syscall.SIGTERM); err != nil {
		a.say(fmt.Sprintf("--on-budget stop: %v", err))
	}
	a.timer = time.AfterFunc(a.budget.Grace, func() { _ = p.Signal(syscall.SIGKILL) })
}

// exec starts a command and leaves it alone: the one that waits for all our
// children waits for it as well.
func (a *alarm) exec(command string, why error) {
	env := append(os.Environ(), "CARBONCTL_BUDGET="+why.Error())
	p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", command}, &os.ProcAttr{
		Env: env, Files: []*os.File{nil, os.Stderr, os.Stderr},
	})
	if err != nil {
		a.say(fmt.Sprintf("--on-budget exec: %v", err))
		return
	}
	_ = p.Release()
}

// postWait is how long a webhook may take.
const postWait = 5 * time.Second

// post tells a web service. It follows no redirect, and sends nothing but the
// run's ID and what the budget says.
func post(url, run string, why error) error {
	body, err := json.Marshal(map[string]string{"run_id": run, "text": why.Error()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), postWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("webhook: %s", resp.Status)
	}
	return nil
}

// ended lets the alarm be, and waits for a message that is on its way.
func (a *alarm) ended() {
	a.mu.Lock()
	if a.timer != nil {
		a.timer.Stop()
	}
	a.mu.Unlock()
	a.sent.Wait()
}
