// Package watch sees from outside where the epochs of a program begin and end:
// in what it prints, or in a file to which it writes events.
//
// [Open] stands between a command and our own stdout and stderr and copies what
// it prints; a [Matcher] searches a copy of that, in its own time. [OpenEvents]
// makes the file of events and follows it, and [Append] writes to one.
package watch

import "time"

// Edge says what begins or ends. The words are those of the file of events.
type Edge string

// The edges.
const (
	EpochStart Edge = "epoch-start"
	EpochEnd   Edge = "epoch-end"
	TaskStart  Edge = "task-start"
	TaskEnd    Edge = "task-end"
	// EpochProgress is no edge: a Fraction of the first epoch has passed, as the output
	// shows. It comes at most once a second, and not in the file of events.
	EpochProgress Edge = "epoch-progress"
	// Count is no edge either: so many units of work more were done.
	Count Edge = "count"
)

// An Event is an edge that was seen, or work that was done.
type Event struct {
	Edge Edge
	// Name of a task, or the unit of a Count.
	Name string
	// N is how many of it more, from 0; of Count alone, as Source, the expression that
	// found it in the output ("" in the file of events), Lower, where more may have been
	// done, and Reset, where the program has begun to count anew.
	N            float64
	Source       string
	Lower, Reset bool
	// Index of an epoch, from 1; 0 is not known.
	Index int
	// Of is how many epochs there will be; 0 is not known.
	Of int
	// Whole is true for an end that tells of an epoch by itself: it began where
	// the last one ended, or with the run.
	Whole bool
	// Metrics are results of the epoch that ends here, or that a start ends; nil for none.
	Metrics map[string]float64
	// Fraction of the epoch that has passed, above 0 and below 1; of EpochProgress alone.
	Fraction float64
	// Bare says of Fraction that it is of a bar of which the output does not say that it
	// trains: the epoch may hold more than it.
	Bare bool
	// Again corrects the edge before: the epoch that was said to end has gone on
	// until here, or the one that was said to begin begins here. Of EpochProgress it
	// says that Fraction, which may be less than before, is of the time that the epoch
	// takes, since its start.
	Again bool
	// At is when it happened: when the line came, or the time that the line has.
	At time.Time
	// Doubt is how much earlier than At it may have happened.
	Doubt time.Duration

	stamped bool // the line has a time
}
