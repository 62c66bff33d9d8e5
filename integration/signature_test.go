package integration

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOpenSSHChecksASignedHead does what docs/ledger.md tells an auditor to do.
func TestOpenSSHChecksASignedHead(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", "key")
	d.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "eve", "-f", "other")
	for range 2 {
		d.run("carbonctl", "wrap", "-q", "--region", "FR", "--sign", "key", "--ledger", "runs.csv", "--", "true")
	}
	head := d.read("runs.csv.head")
	d.write("signers", "auditor@example.org "+d.read("key.pub"))
	d.write("others", "auditor@example.org "+d.read("other.pub"))

	verify := func(head, signers, namespace string) (string, int) {
		out, messages, code := d.try(head, "ssh-keygen", "-Y", "verify", "-f", signers, "-I", "auditor@example.org", "-n", namespace, "-s", "runs.csv.head.sig")
		return out + messages, code
	}
	said, code := verify(head, "signers", "carbonctl")
	assert.Zero(t, code, said)
	assert.Contains(t, said, `Good "carbonctl" signature for auditor@example.org`)

	changed := strings.Replace(head, `"rows":2`, `"rows":1`, 1)
	require.NotEqual(t, head, changed)
	for _, bad := range [][3]string{{changed, "signers", "carbonctl"}, {head, "others", "carbonctl"}, {head, "signers", "file"}} {
		said, code := verify(bad[0], bad[1], bad[2])
		assert.NotZero(t, code, "%q: %s", bad, said)
	}

	// The other way: what ssh-keygen signs is good to carbonctl.
	d.run("carbonctl", "verify", "runs.csv", "--allowed-signers", "signers")
	_, _, code = d.try("", "carbonctl", "verify", "runs.csv", "--allowed-signers", "others")
	assert.Equal(t, 1, code)
	for _, key := range []struct {
		name string
		code int
	}{{"other", 1}, {"key", 0}} {
		d.write("runs.csv.head.sig", "")
		sig, messages, code := d.try(head, "ssh-keygen", "-Y", "sign", "-n", "carbonctl", "-f", key.name)
		require.Zero(t, code, messages)
		d.write("runs.csv.head.sig", sig)
		out, messages, code := d.try("", "carbonctl", "verify", "runs.csv", "--allowed-signers", "signers")
		assert.Equal(t, key.code, code, "%s%s", out, messages)
	}
}
