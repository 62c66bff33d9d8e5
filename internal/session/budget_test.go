package session

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What can never be carried out is refused before the command runs, and no secret
// of it is shown.
func TestCheckAction(t *testing.T) {
	for _, good := range []string{"warn", "stop", "exec:true", "webhook:http://h/x", "webhook:HTTPS://me:secret@h:1/x"} {
		assert.NoError(t, checkAction(good), good)
	}
	for _, bad := range []string{
		"", "shout", "stop:secret", "exec:", "exec: ", "exec", "webhook:", "webhook", "http://me:secret@h/",
		"webhook:ftp://me:secret@h/", "webhook:me:secret@h", "webhook:http://", "webhook:http:///secret",
		"webhook:http://us er:secret@h/", "webhook:http://me:secret@h:port/", "webhook:http://h/\x7fsecret",
	} {
		err := checkAction(bad)
		if assert.Error(t, err, bad) {
			assert.NotContains(t, err.Error(), "secret")
		}
	}
}
