package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/ledger/sshsig"
)

// verifying is one run of verify.
type verifying struct {
	check   ledger.Check
	signers []byte // nil: no signature is looked for
}

func (a *app) verify() *cobra.Command {
	var asJSON, verbose bool
	var held []string
	var signers string
	var allowed bool
	cmd := &cobra.Command{
		Use:   "verify [FILE|DIR|PATTERN…]",
		Short: "Check that no row of a ledger was changed, added or removed",
		Long: `Check the hash chain of a ledger (no row changed, removed, inserted, moved or
repeated), its head (FILE.head) and the full reports of its runs. The default is
the ledger that wrap writes. FILE may be gzip, - for stdin, or a run (last or an
ID) for its ledger.

Whoever can change a ledger can also change its FILE.head: pass a head that was
kept elsewhere with --head. --verbose prints it; each run's JSON contains it.
With --allowed-signers, FILE.head.sig must be a valid signature of FILE.head
that covers every row.

The exit code is 0 if intact, 1 if something was found, 2 if a file could not be
checked.`,
		Example: `  carbonctl verify
  carbonctl verify ledger.csv --head 9f2c…
  carbonctl verify ledger.csv --head /backup/ledger.csv.head
  carbonctl verify ledger.csv --allowed-signers auditors`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			check := verifying{check: ledger.Check{AllowUnsigned: allowed}}
			for _, h := range held {
				head, err := heldHead(h)
				if err != nil {
					return err
				}
				check.check.Heads = append(check.check.Heads, head)
			}
			if signers != "" {
				var err error
				if check.signers, err = os.ReadFile(signers); err != nil {
					return fmt.Errorf("--allowed-signers: %w", err)
				}
			}
			r := &reading{app: a}
			if err := r.look(cmd.Flags()); err != nil {
				return err
			}
			check.check.Through = r.Through
			files, failed := r.ledgers(args)
			good := true
			results := []screen.Verification{}
			for _, f := range files {
				v, err := check.file(cmd.InOrStdin(), f.Path)
				if header := (*ledger.HeaderError)(nil); errors.As(err, &header) && !f.Named {
					a.say(f.Path+" is not a ledger: not checked", "")
					continue
				}
				if err != nil {
					failed = errors.Join(failed, err)
					continue
				}
				good = good && v.OK
				results = append(results, v)
				if asJSON {
					continue
				}
				if err := v.Text(a.out, verbose); err != nil {
					return err
				}
			}
			if asJSON {
				if err := output.JSON(a.out, results); err != nil {
					return err
				}
			}
			if failed == nil && !good {
				return &exitError{code: exitFinding}
			}
			return failed
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON, with heads")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "print the head of each chain, to keep elsewhere")
	cmd.Flags().StringVar(&signers, "allowed-signers", "", "`FILE` check signatures by these keys: a .pub file or an allowed_signers file")
	cmd.Flags().BoolVar(&allowed, "allow-unsigned", false, "accept rows not covered by a signature")
	cmd.Flags().StringArrayVar(&held, "head", nil, "`HEAD` check against a head kept elsewhere: a hash or a copy of FILE.head; repeatable")
	return cmd
}

// ledgers finds what to check; the error is of what is not there, beside the rest. A
// ledger that is not there, and whose head is, was removed: the check finds that.
func (r *reading) ledgers(args []string) (files []input.File, err error) {
	if len(args) == 0 {
		args = []string{r.Ledger}
		if r.Ledger == "none" || r.Ledger == "" {
			return nil, input.ErrNoLedger
		}
	}
	for _, arg := range args {
		_, gone := os.Stat(arg)
		if _, head := os.Stat(arg + ".head"); errors.Is(gone, fs.ErrNotExist) && head == nil {
			files = append(files, input.File{Path: arg, Named: true})
			continue
		}
		found, wrong := r.Ledgers([]string{arg})
		if wrong != nil {
			err = errors.Join(err, wrong)
		}
		files = append(files, found...)
	}
	return files, err
}

// heldHead reads a head as an auditor has it: a hash, or a copy of FILE.head.
func heldHead(s string) (ledger.Head, error) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == 32 {
		return ledger.Head{Hash: s}, nil
	}
	b, err := os.ReadFile(s)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Head{}, fmt.Errorf("--head: invalid head %q: use a hash of 64 hexadecimal digits or a file", format.Clip(s, 70))
	}
	if err != nil {
		return ledger.Head{}, fmt.Errorf("--head: %w", err)
	}
	h, err := ledger.ParseHead(b)
	if err != nil {
		return h, fmt.Errorf("--head %s: %w", s, err)
	}
	return h, nil
}

// file checks one ledger.
func (c verifying) file(stdin io.Reader, path string) (screen.Verification, error) {
	var signature *screen.Signature
	check := c.check
	if c.signers != nil {
		signature = &screen.Signature{}
		check.Signed = func(head, sig []byte) error {
			signer, err := sshsig.Check(head, sig, c.signers)
			if err != nil {
				return err
			}
			signature.OK, signature.Signer = true, new(screen.Signer(signer))
			if heads, err := ledger.ParseHeads(head); err == nil {
				signature.Head = new(screen.Head(heads[len(heads)-1]))
			}
			return nil
		}
	}
	var result ledger.Result
	var err error
	if path == input.Stdin {
		var text *input.Source
		if text, err = input.Unpack(path, stdin); err == nil {
			result, err = ledger.Verify(text, check.Heads...)
		}
	} else {
		result, err = check.File(path)
	}
	signed, header := (*ledger.SignatureError)(nil), (*ledger.HeaderError)(nil)
	switch {
	case errors.As(err, &signed):
		signature.Text, err = signed.Error(), nil
	case errors.As(err, &header):
		header.Path = path
	case err != nil && !errors.As(err, new(*fs.PathError)):
		err = fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		return screen.Verification{}, err
	}
	v := verification(result)
	v.File, v.Signature = path, signature
	v.OK = result.OK() && (signature == nil || signature.OK)
	return v, nil
}

// verification is what the check of a ledger found, to be shown.
func verification(r ledger.Result) screen.Verification {
	v := screen.Verification{Rows: r.Rows, Faults: r.Faults, Unseen: r.Unseen, Chains: []screen.Chain{}, Findings: []screen.Finding{}}
	for _, c := range r.Chains {
		v.Chains = append(v.Chains, screen.Chain{Head: screen.Head(c.Head), Held: c.Held, Since: c.Since})
	}
	for _, f := range r.Findings {
		v.Findings = append(v.Findings, screen.Finding{Kind: string(f.Kind), Row: f.Row, Line: f.Line, LedgerID: f.LedgerID, Text: f.Text})
	}
	return v
}
