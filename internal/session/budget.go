package session

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

// Budget is what a command may use, and what is done when it has. The zero value
// is no budget.
type Budget struct {
	Limit     string        // "500g", "2kWh", "3h", "2EUR"; "": none
	Action    string        // warn, stop, exec:CMD, webhook:URL
	Price     float64       // of a kWh, for a limit of money
	Currency  string        // of Price, "" where the user named none
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

// alarm acts once when the budget is reached, if that is by the last reading too.
type alarm struct {
	budget Budget
	say    func(text string)
	run    string

	mu      sync.Mutex
	process process
	early   error // why it was reached before the command was there
	timer   *time.Timer
	acting  sync.WaitGroup
	left    *webhook      // what no helper has taken yet
	taken   chan struct{} // closed when it has, or can't; nil for no message
}

// limit gives the run its budget, nil if there is none.
func (a *alarm) limit() (*footprint.Budget, error) {
	b := a.budget
	if err := checkAction(b.Action); err != nil && b.Action != "" {
		return nil, fmt.Errorf("--on-budget: %w", err)
	}
	if b.Limit == "" {
		return nil, nil
	}
	limit, err := footprint.ParseBudget(b.Limit, b.Price)
	if err != nil {
		return nil, fmt.Errorf("--budget: %w", err)
	}
	if in, _ := footprint.ParseAmount(b.Limit); in.Money > 0 && b.Currency != "" && in.Currency != b.Currency {
		return nil, fmt.Errorf("--budget: the budget is in %s, the price in %s", in.Currency, b.Currency)
	}
	limit.Predicted = b.Predicted
	limit.Action, _, _ = strings.Cut(b.Action, ":")
	limit.Reached = a.reached // by a reading, the last one too
	return limit, nil
}

// checkAction returns why an action is none, nil if it is one. What follows its name
// may hold a secret, and is not shown.
func checkAction(action string) error {
	name, argument, has := strings.Cut(action, ":")
	switch {
	case action == Warn, action == onStop:
		return nil
	case name+":" == onExec && has:
		if strings.TrimSpace(argument) == "" {
			return errors.New("exec needs a command, such as exec:'mail -s budget me'")
		}
		return nil
	case name+":" == onWebhook && has:
		u, err := url.Parse(argument)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return errors.New("invalid webhook URL: use http://HOST/PATH or https://HOST/PATH")
		}
		return nil
	}
	return fmt.Errorf("unknown action %.40q: use warn, stop, exec:CMD or webhook:URL", name)
}

// started gives the alarm what it may stop.
func (a *alarm) started(p process) {
	a.mu.Lock()
	a.process = p
	early := a.early
	a.mu.Unlock()
	if early != nil {
		a.reached(early)
	}
}

// reached acts. It is called between two readings, and does not wait.
func (a *alarm) reached(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.process == nil {
		a.early = why
		return
	}
	if to, ok := strings.CutPrefix(a.budget.Action, onWebhook); ok {
		a.left, a.taken = &webhook{URL: to, RunID: a.run, Text: why.Error()}, make(chan struct{})
	}
	a.acting.Go(func() { a.act(why) })
}

// act acts, and then says why: nobody may read what we say.
func (a *alarm) act(why error) {
	var err error
	wrong := func() error { return err }
	switch action := a.budget.Action; {
	case action == onStop:
		err = a.stop()
	case strings.HasPrefix(action, onExec):
		err = a.exec(strings.TrimPrefix(action, onExec), why)
	case strings.HasPrefix(action, onWebhook):
		wrong = a.post()
	}
	a.say(why.Error())
	if err := wrong(); err != nil {
		a.say(fmt.Sprintf("--on-budget: %v", err))
	}
}

// stop asks the command to end, and kills it after a while.
func (a *alarm) stop() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.process
	a.timer = time.AfterFunc(a.budget.Grace, func() { _ = p.Signal(syscall.SIGKILL) })
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// exec starts a command and leaves it alone.
func (a *alarm) exec(command string, why error) error {
	err := a.process.Aside(func() (int, error) {
		p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", command}, &os.ProcAttr{
			Env: append(os.Environ(), "CARBONCTL_BUDGET="+why.Error()), Files: []*os.File{nil, os.Stderr, os.Stderr},
		})
		if err != nil {
			return 0, err
		}
		defer func() { _ = p.Release() }()
		return p.Pid, nil
	})
	if err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	return nil
}

// post has a helper send the message. What that says while we are there is passed on;
// a message that no helper could take is left over.
func (a *alarm) post() (wrong func() error) {
	a.mu.Lock()
	w := *a.left
	a.mu.Unlock()
	answer, err := w.handOver(a.process)
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.taken) // or it is known that none will
	if err != nil {
		return func() error { return nil } // the next run sends it
	}
	a.left = nil
	return answer
}

// rest lets the command be, which has ended.
func (a *alarm) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
}

// ended waits until the last action is on its way, and for its outcome as long as
// there is time. It returns what could not be sent.
func (a *alarm) ended(since stopwatch) *webhook {
	done := make(chan struct{})
	go func() { defer close(done); a.acting.Wait() }()
	since.await(done, sinksLimit)
	return a.unsent()
}

// unsent is the message that no helper has taken so far. Whoever kills us keeps nobody
// from sending it, if it is in the journal by then.
func (a *alarm) unsent() *webhook {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.left
}

// handedOver waits for a time until a helper has the message, if there is one.
func (a *alarm) handedOver(since stopwatch) {
	a.mu.Lock()
	taken := a.taken
	a.mu.Unlock()
	if taken != nil {
		since.strictly(taken, helperLimit)
	}
}
