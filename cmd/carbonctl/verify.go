package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
)

// verdict is what verify answers for one file.
type verdict struct {
	File string `json:"file"`
	OK   bool   `json:"ok"`
	ledger.Result
}

func (a *app) verify() *cobra.Command {
	var asJSON bool
	var held []string
	cmd := &cobra.Command{
		Use:   "verify FILE…",
		Short: "Check that no row of a ledger was changed since it was written",
		Long: `Check the chain of hashes of ledgers: altered, removed, inserted and reordered
rows are found, and the first is named. A tail that was cut off, or a chain that
was built anew, shows only against a head that you have kept elsewhere: it is
in each result and in its JSON ("ledger"), and FILE.head holds the latest.

The exit code is 0 if nothing was found, 1 if something was, 2 if a file could
not be checked.`,
		Example: `  carbonctl verify ledger.csv
  carbonctl verify ledger.csv --head 9f2c…
  carbonctl verify ledger.csv --head /backup/ledger.csv.head`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("verify: which file? Your own ledger is %s", defaultLedger())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var heads []ledger.Head
			for _, h := range held {
				head, err := heldHead(h)
				if err != nil {
					return err
				}
				heads = append(heads, head)
			}
			good := true
			verdicts := []verdict{}
			var failed error
			for _, path := range args {
				v, err := verifyFile(path, heads)
				if err != nil {
					failed = errors.Join(failed, err)
					continue
				}
				good = good && v.OK
				verdicts = append(verdicts, v)
				if !asJSON {
					a.printVerdict(v)
				}
			}
			if asJSON {
				if err := printJSON(a.out, verdicts); err != nil {
					return err
				}
			}
			if failed == nil && !good {
				return &exitError{code: exitFinding}
			}
			return failed
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().StringArrayVar(&held, "head", nil, "`HEAD` that you hold: its hash, or the file that keeps it; may be repeated")
	return cmd
}

// heldHead reads a head as an auditor has it: a hash, or a copy of FILE.head.
func heldHead(s string) (ledger.Head, error) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == 32 {
		return ledger.Head{Hash: s}, nil
	}
	b, err := os.ReadFile(s)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Head{}, fmt.Errorf("verify: --head %q is neither a hash of 64 hexadecimal digits nor a file", short(s, 70))
	}
	if err != nil {
		return ledger.Head{}, fmt.Errorf("verify: --head: %w", err)
	}
	h, err := ledger.ParseHead(b)
	if err != nil {
		return h, fmt.Errorf("verify: --head %s: %w", s, err)
	}
	return h, nil
}

func verifyFile(path string, heads []ledger.Head) (verdict, error) {
	f, err := os.Open(path)
	if err != nil {
		return verdict{}, fmt.Errorf("verify: %w", err)
	}
	defer f.Close()
	r, err := ledger.Verify(f, heads...)
	if header := (*ledger.HeaderError)(nil); errors.As(err, &header) {
		header.Path = path
	}
	if err != nil {
		return verdict{}, fmt.Errorf("verify: %w", err)
	}
	return verdict{path, r.OK(), r}, nil
}

func (a *app) printVerdict(v verdict) {
	what := "nothing was changed, as far as this check can see"
	if !v.OK {
		what = count(v.Faults, "fault")
	}
	var p report.Page
	p.Title(fmt.Sprintf("%s: %s, %s", v.File, count(v.Rows, "row"), what))
	for _, f := range v.Findings {
		p.Row(fmt.Sprintf("line %d", f.Line), "%s: %s", f.Kind, f.Text)
	}
	if n := v.Faults - int64(len(v.Findings)); n > 0 {
		p.Row("", "and %d more", n)
	}
	for _, c := range v.Chains {
		p.Row("head", "after %s:", count(c.Head.Rows, "row"))
		p.Code(c.Head.Hash)
	}
	for _, s := range v.Unseen {
		p.Row("not seen", "%s", s)
	}
	_, _ = p.WriteTo(a.out)
}

// count says how many there are of something: "1 row", "3 rows".
func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
