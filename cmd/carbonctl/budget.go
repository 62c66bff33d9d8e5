package main

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

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
)

// budgetFlags say what a command may use, and what is done when it has.
type budgetFlags struct {
	limit     string
	action    string
	price     float64
	predicted bool
	grace     time.Duration
}

// What is done when a budget is reached; exec and webhook have an argument.
const (
	onWarn    = "warn"
	onStop    = "stop"
	onExec    = "exec:"
	onWebhook = "webhook:"
)

func (b *budgetFlags) add(f *pflag.FlagSet) {
	f.StringVar(&b.limit, "budget", "", "what the command may use, `AMOUNT`: 500g, 2kWh, 3h, 2EUR")
	f.StringVar(&b.action, "on-budget", onWarn, "what is done then, `ACTION`: warn, stop, exec:CMD, webhook:URL")
	f.Float64Var(&b.price, "price", 0, "what a kWh costs, `X`, for a budget of money")
	f.BoolVar(&b.predicted, "budget-predicted", false, "act before an epoch that would not fit")
	f.DurationVar(&b.grace, "budget-grace", 10*time.Second, "`TIME` between asking the command to stop and killing it")
}

// alarm acts once when the budget is reached.
type alarm struct {
	flags *budgetFlags
	say   func(text string)
	run   string

	mu      sync.Mutex
	process *child.Process
	reached bool // before the command was there
	timer   *time.Timer
	sent    sync.WaitGroup
}

// budget gives the run its budget, nil if there is none.
func (b *budgetFlags) budget(a *alarm) (*footprint.Budget, error) {
	if b.limit == "" {
		return nil, nil
	}
	switch {
	case b.action == onWarn, b.action == onStop:
	case strings.HasPrefix(b.action, onExec) && b.action != onExec:
	case strings.HasPrefix(b.action, onWebhook+"http://"), strings.HasPrefix(b.action, onWebhook+"https://"):
	default:
		return nil, fmt.Errorf("--on-budget: %q is none of warn, stop, exec:CMD, webhook:URL", b.action)
	}
	limit, err := footprint.ParseBudget(b.limit, b.price)
	if err != nil {
		return nil, fmt.Errorf("--budget: %w", err)
	}
	limit.Predicted = b.predicted
	limit.Action, _, _ = strings.Cut(b.action, ":")
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
	switch action := a.flags.action; {
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
	a.timer = time.AfterFunc(a.flags.grace, func() { _ = p.Signal(syscall.SIGKILL) })
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
