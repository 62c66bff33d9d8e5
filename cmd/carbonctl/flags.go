package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/ledger/sshsig"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
)

// tableFlag adds the flag that table looks at.
func tableFlag(flags *pflag.FlagSet) { flags.String(config.RegionsFile, "", config.RegionsFileUsage) }

// needs reports a flag that is given without the other one that it is for. Pairs are names
// of flags, each followed by that other's.
func needs(flags *pflag.FlagSet, pairs ...string) error {
	for pair := range slices.Chunk(pairs, 2) {
		if name, other := pair[0], pair[1]; flags.Changed(name) && !flags.Changed(other) {
			what, _ := pflag.UnquoteUsage(flags.Lookup(other))
			return fmt.Errorf("--%s needs %s", name, strings.TrimSpace("--"+other+" "+what))
		}
	}
	return nil
}

// table is the table in force: the built-in one, or that with the user's own
// laid over it.
func table(flags *pflag.FlagSet) (*regions.Table, error) {
	c, err := only(flags, config.RegionsFile)
	if err != nil {
		return nil, err
	}
	return c.Table, nil
}

// only reads the settings where of all flags those with these names are flags of
// settings. Any that is wrong is an error.
func only(flags *pflag.FlagSet, keys ...string) (*settings, error) {
	some := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, key := range keys {
		some.AddFlag(flags.Lookup(key))
	}
	c, err := configure(some)
	if err == nil {
		err = errors.Join(c.Problems...)
	}
	return c, err
}

// region is the zone that a flag names, or else the settings, or the cloud that
// this machine is in.
func region(flags *pflag.FlagSet) (string, error) {
	if zone, _ := flags.GetString("region"); flags.Changed("region") {
		return zone, nil
	}
	c, err := only(flags, config.RegionsFile)
	if err != nil {
		return "", err
	}
	c.locate(os.DirFS("/"))
	return c.Region, nil
}

// figureFlags are those that choose between the figures of a place.
func figureFlags(flags *pflag.FlagSet) {
	flags.String("scope", "", "`SCOPE` lifecycle, or direct (combustion only)")
	flags.Int("year", 0, "`YEAR` year of the intensities (default newest)")
	flags.Bool("market", false, "use the cloud provider's market-based intensity")
}

func figureQuery(flags *pflag.FlagSet) (q regions.Query, err error) {
	scope, _ := flags.GetString("scope")
	q.Scope = regions.Scope(scope)
	q.Year, _ = flags.GetInt("year")
	q.Market, _ = flags.GetBool("market")
	switch {
	case scope != "" && q.Scope != regions.Lifecycle && q.Scope != regions.Direct:
		err = fmt.Errorf("--scope: invalid scope %q: use %s or %s", scope, regions.Lifecycle, regions.Direct)
	case q.Year < 0:
		err = fmt.Errorf("--year: invalid year %d", q.Year)
	case scope != "" && q.Market:
		err = errors.New("--market and --scope: choose one")
	}
	return q, err
}

// liveTimeout is how long an answer may take to come, with all tries.
const liveTimeout = 20 * time.Second

// liveOptions are how this user reaches live services.
func liveOptions(t *regions.Table) live.Options {
	o := live.Options{Table: t, Env: os.Getenv}
	if dir, err := os.UserCacheDir(); err == nil && filepath.IsAbs(dir) {
		o.Cache = filepath.Join(dir, "carbonctl")
	}
	return o
}

const rootUsage = "`DIR` directory with /proc and /sys, such as /host in a container"

const nvmlUsage = "`FILE` path of libnvidia-ml.so.1, if the loader does not find it"

// libraryPath is a file as the loader takes it: without a slash it would look
// among the system's libraries only.
func libraryPath(file string) string {
	if abs, err := filepath.Abs(file); err == nil && file != "" {
		if _, err := os.Stat(abs); err == nil {
			return abs
		}
	}
	return file
}

// formFlags say in what form an answer is written, and where to.
type formFlags struct {
	format, output string
	json           bool
	known          []string // names of formats
}

// add adds the flags; known are the formats that there are.
func (f *formFlags) add(to *pflag.FlagSet, known []string) {
	f.known = known
	to.StringVar(&f.format, "format", "", "`FORMAT` output format: "+strings.Join(known, ", "))
	to.BoolVar(&f.json, "json", false, "print as JSON; same as --format json")
	to.StringVarP(&f.output, "output", "o", "", "`FILE` write to FILE; its extension sets the format")
}

// page takes the file of --html, "" if it was not given: that is a format and a file.
func (f *formFlags) page(file string) error {
	if file == "" {
		return nil
	}
	if f.output != "" || f.format != "" || f.json {
		return errors.New("--html: choose it or --format, --json, --output")
	}
	f.format, f.output = "html", file
	return nil
}

// name is the format: by its name, or else by the name of the file that is to hold it;
// text for neither.
func (f *formFlags) name() (string, error) {
	also := map[string]string{"md": "markdown", "tex": "latex", "txt": "text", "htm": "html"}
	named := func(s string) string { return cmp.Or(also[s], s) }
	name := named(f.format)
	switch end := named(strings.TrimPrefix(filepath.Ext(f.output), ".")); {
	case f.json && name != "" && name != "json":
		return "", fmt.Errorf("--json and --format %.40s: choose one", f.format)
	case f.json:
		return "json", nil
	case name != "" && !slices.Contains(f.known, name):
		return "", fmt.Errorf("--format: unknown format %.40q: use one of %s", f.format, strings.Join(f.known, ", "))
	case name != "":
		return name, nil
	case slices.Contains(f.known, end):
		return end, nil
	}
	return "text", nil
}

// write gives an answer to the file, or to stdout.
func (f *formFlags) write(stdout io.Writer, answer func(io.Writer) error) error {
	if f.output == "" {
		return answer(stdout)
	}
	return output.Write(f.output, answer)
}

// readKey reads the key that signs heads, nil if there is none.
func readKey(path string) (ledger.Signer, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--sign: %w", err)
	}
	key, err := sshsig.ParseKey(file)
	if err != nil {
		return nil, fmt.Errorf("--sign %s: %w", path, err)
	}
	return key, nil
}

// checkRoot checks that there is a root of a machine to look at.
func checkRoot(dir string) error {
	info, err := os.Stat(dir)
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		err = fmt.Errorf("%s: %w", dir, named.Err)
	}
	if err != nil {
		return fmt.Errorf("--root: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("--root: %s is not a directory", dir)
	}
	return nil
}
