package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/attach"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/control"
	"github.com/carbonctl/carbonctl/internal/nested"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/internal/watch"
)

// attaching is one run of attach.
type attaching struct {
	runFlags
	pid     int
	cgroup  string
	control bool
	ignore  bool // INT
}

func (a *app) attach() *cobra.Command {
	w := &attaching{runFlags: runFlags{app: a, to: a.out}}
	cmd := &cobra.Command{
		Use:   "attach [flags] PID",
		Short: "Measure a running process until it ends",
		Long: `Measure a running process and its children from now until it ends or Ctrl-C, and
print the result. The process is not affected and keeps running after Ctrl-C.
Energy used before is not counted; the exit code is not recorded.

With --cgroup, measure all processes of a service or container. With --control,
a program sends requests as JSON lines on stdin and reads responses on stdout;
the default PID is then the process that started carbonctl.`,
		Example: `  carbonctl attach --region FR 4711
  carbonctl attach --cgroup system.slice/nginx.service`,
		Args: w.target,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.run(cmd.Context(), cmd) },
	}
	addSettings(cmd, config.EpochPattern, config.EpochPreset)
	f := cmd.Flags()
	w.add(f)
	f.Lookup("json").Usage = "print the result as JSON"
	f.Lookup(config.Epochs).Usage = "`N` number of epochs"
	charge := f.Lookup("charge")
	charge.Usage = strings.Replace(charge.Usage, "this command's", "the process's", 1)
	f.Lookup("budget-grace").Usage = "`TIME` time from SIGTERM to SIGKILL when stopping the process"
	f.StringVar(&w.cgroup, "cgroup", "", "`PATH` measure all processes of this cgroup instead of one process")
	f.BoolVar(&w.control, "control", false, "read requests as JSON lines on stdin (docs/control.md)")
	f.BoolVar(&w.ignore, "ignore-interrupt", false, "ignore Ctrl-C")
	return cmd
}

// target reads the argument.
func (w *attaching) target(_ *cobra.Command, args []string) (err error) {
	switch {
	case w.cgroup != "" && len(args) > 0:
		return errors.New("--cgroup and a PID: choose one")
	case w.cgroup != "":
		return nil
	case len(args) == 0 && w.control:
		w.pid = os.Getppid()
		return nil
	case len(args) == 0:
		return errors.New("no PID given: carbonctl attach PID")
	case len(args) > 1:
		return fmt.Errorf("unexpected argument %.40q: attach takes one PID", args[1])
	}
	if w.pid, err = strconv.Atoi(args[0]); err != nil || w.pid <= 0 || strconv.Itoa(w.pid) != args[0] {
		return fmt.Errorf("invalid PID %.40q: use the number of a process, such as 4711", args[0])
	}
	return nil
}

// open opens what is to be followed.
func (w *attaching) open() (*attach.Target, error) {
	if w.cgroup != "" {
		return attach.Group(w.cgroup)
	}
	return attach.Process(w.pid)
}

func (w *attaching) run(ctx context.Context, cmd *cobra.Command) (err error) {
	began := false
	if w.control {
		w.quiet = true
		defer func() {
			if err != nil && !began {
				w.refuse(err)
			}
		}()
	}
	target, err := w.open() // first: what is used from now on counts
	if err == nil {
		defer target.Close()
		if w.config, err = configure(cmd.Flags()); err == nil {
			err = errors.Join(w.budget.check(cmd.Flags()), checkRoot(w.root))
		}
	}
	if err != nil {
		return err
	}
	w.config.locate(proc.Root(w.root))
	w.config.askCloud(cmd.Context())
	w.problems()
	options, service, err := w.options(false)
	if err != nil {
		return err
	}
	w.aim(target, &options)
	defer w.follow(service, &options)()
	defer w.serveMetrics(ctx, &options)()
	w.checkFiles()
	s, err := session.Open(options)
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	defer s.Close()
	began = true
	w.began(s, target)
	var server *control.Server
	if w.control {
		server = w.serve(s, target, os.Stdin)
	}
	calm := time.AfterFunc(calmAfter, func() { runtime.GOMAXPROCS(1) })
	defer calm.Stop()
	s.Wait()
	if server != nil && target.Why() == attach.Ended {
		server.Drain(goneTogether)
	}
	result := s.Finish(ctx)
	if server != nil {
		server.End(ends[target.Why()], result.Report, unreadLimit)
	}
	w.show(s, result)
	if result.Lost {
		return &exitError{code: exitFinding}
	}
	return nil
}

// aim has the session follow the target, and takes what its environment says of the run.
func (w *attaching) aim(t *attach.Target, o *session.Options) {
	t.IgnoreInterrupt = w.ignore
	o.Target = t
	o.Tracker.Run.Attached = new(t.Attached())
	if w.command {
		o.Tracker.Run.Command = t.Args
	}
	o.Voice.Live.Apart = true // nobody else prints there
	if w.control {
		return // our environment is what the program gave us
	}
	o.Tracker.Host.Env = t.Env
	get := func(name string) string { v, _ := t.Env(name); return v }
	o.Tracker.Run.Job = session.Job(get)
	parent, _ := nested.Parse(get(nested.Env)) // what is none is none
	o.Tracker.Run.Parent = parent.ID
}

// began tells that the tracking has begun, and how to mark epochs.
func (w *attaching) began(s *session.Session, t *attach.Target) {
	if w.quiet || w.json {
		return
	}
	it := "the process"
	if t.PID == 0 {
		it = "its processes"
	}
	w.say(fmt.Sprintf("attached to %v; Ctrl-C ends the tracking, not %s", t, it), "")
	if path := s.EventsPath(); path != "" {
		w.say(fmt.Sprintf("epochs and tasks: %s=%s carbonctl mark EVENT", watch.EnvEvents, shellWord(path)), "")
	}
}

// shellWord gives text as a shell takes it for one word.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./+:@%,=", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
