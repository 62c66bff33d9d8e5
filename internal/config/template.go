package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Template is a file with every setting that may stand there, each with its help, a line
// without effect until its # is taken away.
func Template(project bool) string {
	var b strings.Builder
	b.WriteString("# Settings of carbonctl. Remove the # before a key to set it.\n" +
		"# \"carbonctl config show --origin\" shows what is in force, and where it is set.\n")
	for _, s := range Table() {
		if project && !s.Project {
			continue
		}
		b.WriteByte('\n')
		line := "#"
		for word := range strings.FieldsSeq(s.Help()) {
			if len(line)+1+len(word) > 80 {
				b.WriteString(line + "\n")
				line = "#"
			}
			line += " " + word
		}
		fmt.Fprintf(&b, "%s\n#%s = %s\n", line, s.Key, s.Example)
	}
	return b.String()
}

// Create writes a new file with its folder, for its owner alone. One that is there
// already is fs.ErrExist, and stays as it is.
func Create(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
