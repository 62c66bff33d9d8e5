package fetch

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/carbonctl/carbonctl/internal/atomicfile"
)

// An answer is kept in a file named by a hash of the question and by the slot of
// time for which it stands, so nothing is ever stale: another slot is another
// file. What goes wrong with a file is no failure; the service is asked instead.

func (c *Client) file(key string, fresh time.Duration) (question, file string) {
	question = fmt.Sprintf("%.16x", sha256.Sum256([]byte(key)))
	return question, fmt.Sprintf("%s-%d", question, c.Time().Truncate(fresh).Unix())
}

func (c *Client) load(key string, fresh time.Duration) ([]byte, bool) {
	if c.Cache == "" || fresh <= 0 {
		return nil, false
	}
	_, file := c.file(key, fresh)
	info, err := os.Stat(filepath.Join(c.Cache, file))
	if err != nil || info.Size() > maxBody || !info.Mode().IsRegular() {
		return nil, false
	}
	body, err := os.ReadFile(filepath.Join(c.Cache, file))
	return body, err == nil
}

func (c *Client) store(key string, fresh time.Duration, body []byte) {
	if c.Cache == "" || fresh <= 0 {
		return
	}
	question, file := c.file(key, fresh)
	if os.MkdirAll(c.Cache, 0o700) != nil {
		return
	}
	old, _ := filepath.Glob(filepath.Join(c.Cache, question+"-*"))
	err := atomicfile.Write(filepath.Join(c.Cache, file), atomicfile.Options{Perm: 0o600}, func(w io.Writer) error {
		_, err := w.Write(body)
		return err
	})
	if err != nil {
		return
	}
	for _, o := range old {
		if filepath.Base(o) != file {
			_ = os.Remove(o) // an earlier slot of the same question
		}
	}
}
