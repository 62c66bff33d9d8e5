package ledger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
)

var (
	_ carbon.Checkpointer = (*ledger.Writer)(nil)
	_ carbon.Sink         = ledger.CodeCarbonWriter{}
)

// A Writer is a sink: it keeps a journal while the run goes on, and appends its
// row at the end.
func ExampleWriter() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "runs.csv")

	tracker, err := carbon.Start(context.Background(), carbon.Config{
		Region: "FR",
		Run:    footprint.Run{Project: "demo"},
		Sinks:  []carbon.Sink{&ledger.Writer{Path: path}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// … the work …
	if _, err := tracker.Stop(); err != nil {
		fmt.Println(err)
		return
	}

	f, err := os.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for row, err := range ledger.Read(f, path) {
		fmt.Println(row.Project, row.Zone, row.Status, err)
	}
	// Output: demo FR completed <nil>
}
