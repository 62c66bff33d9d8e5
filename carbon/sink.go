package carbon

import (
	"context"
	"fmt"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

const (
	firstCheckpoint = time.Second      // a run that is shorter leaves nothing behind if it is killed
	checkpointEvery = 10 * time.Second // what a crash can lose
	sinkTime        = 10 * time.Second // that one sink may take at the end
)

// keeper is a sink that takes checkpoints, nil if it does not; done is closed
// after the last one.
type keeper struct {
	sink Checkpointer
	done chan struct{}
}

func newKeeper(s Sink) keeper {
	c, _ := s.(Checkpointer)
	return keeper{c, make(chan struct{})}
}

// keep gives checkpoints to one sink until the run is over. Making the report
// holds the account for some microseconds; the sink holds up nothing.
func (t *Tracker) keep(k keeper) {
	defer close(k.done)
	every := checkpointEvery
	if e, ok := k.sink.(interface{ Every() time.Duration }); ok && e.Every() > 0 {
		every = max(e.Every(), MinEvery)
	}
	timer := time.NewTimer(min(every, firstCheckpoint))
	defer timer.Stop()
	for {
		select {
		case <-t.over:
			return
		case <-timer.C:
		}
		if err := k.sink.Checkpoint(t.Report()); err != nil {
			t.mu.Lock()
			t.account.Note(footprint.Fault{Code: footprint.NotRecorded, Component: "checkpoint", Text: "a checkpoint failed: " + err.Error()})
			t.mu.Unlock()
		}
		timer.Reset(every)
	}
}

// give hands the final report to a sink, after its last checkpoint.
func (t *Tracker) give(i int) error {
	ctx, cancel := context.WithTimeout(context.Background(), sinkTime)
	defer cancel()
	if k := t.keepers[i]; k.sink != nil {
		select {
		case <-k.done:
		case <-ctx.Done():
			return fmt.Errorf("carbon: a checkpoint has not returned for %v: the sink does not get the report", sinkTime)
		}
	}
	return t.sinks[i].Report(ctx, t.report)
}
