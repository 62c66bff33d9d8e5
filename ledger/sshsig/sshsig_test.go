package sshsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// keyFile is a private key file as ssh-keygen writes it; its seed is 32 times b.
func keyFile(t testing.TB, b byte) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)), "test")
	require.NoError(t, err)
	return pem.EncodeToMemory(block)
}

func key(t testing.TB, b byte) *Key {
	t.Helper()
	k, err := ParseKey(keyFile(t, b))
	require.NoError(t, err)
	return k
}

func TestCheckSignatureRefuses(t *testing.T) {
	k, head := key(t, 1), []byte("{}\n")
	sig, err := k.Sign(head)
	require.NoError(t, err)
	signers := []byte("ada " + k.String())
	_, err = Check(head, sig, signers)
	require.NoError(t, err)
	other := key(t, 2)
	block, _ := pem.Decode(sig)
	armour := func(b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: sigType, Bytes: b}) }
	for name, c := range map[string]struct {
		head, sig, signers []byte
		why                string
	}{
		"another head":      {[]byte("{} \n"), sig, signers, "not of these bytes"},
		"another key":       {head, sig, []byte("eve " + other.String()), "not in the list"},
		"no key":            {head, sig, []byte("\n# none\nx\n"), "no Ed25519 key"},
		"another namespace": {head, sig, []byte(`ada namespaces="git,file" ` + k.String()), "no Ed25519 key"},
		"an unknown option": {head, sig, []byte(`ada valid-before="20200101" ` + k.String()), "no Ed25519 key"},
		"an authority":      {head, sig, []byte(`ada cert-authority ` + k.String()), "no Ed25519 key"},
		"empty":             {head, nil, signers, "not an SSH signature"},
		"other PEM":         {head, keyFile(t, 1), signers, "not an SSH signature"},
		"two":               {head, append(append([]byte{}, sig...), sig...), signers, "not an SSH signature"},
		"cut":               {head, armour(block.Bytes[:40]), signers, "version 1"},
		"version 2":         {head, armour(bytes.Replace(block.Bytes, []byte("SSHSIG\x00\x00\x00\x01"), []byte("SSHSIG\x00\x00\x00\x02"), 1)), signers, "version 1"},
		"for files":         {head, armour(bytes.Replace(block.Bytes, []byte(Namespace), []byte("filesigns"), 1)), signers, "it is for"},
		"sha256":            {head, armour(bytes.Replace(block.Bytes, []byte("sha512"), []byte("sha256"), 1)), signers, "not of the form"},
		"altered":           {head, armour(append(append([]byte{}, block.Bytes[:len(block.Bytes)-1]...), 0x55)), signers, "not of these bytes"},
	} {
		_, err := Check(c.head, c.sig, c.signers)
		var bad *Error
		require.ErrorAs(t, err, &bad, name)
		assert.ErrorContains(t, err, c.why, name)
	}
	_, err = Check(head, sig, []byte(`ada namespaces="git,carbonctl" `+k.String()))
	require.NoError(t, err)
}

func TestParseKeyRefuses(t *testing.T) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("secret"))
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	other, err := ssh.MarshalPrivateKey(curve, "")
	require.NoError(t, err)
	for text, file := range map[string][]byte{
		"passphrase": pem.EncodeToMemory(locked), "not an Ed25519 key": pem.EncodeToMemory(other),
		"not a private key file": []byte(key(t, 1).String()),
	} {
		_, err := ParseKey(file)
		assert.ErrorContains(t, err, text)
		assert.NotContains(t, err.Error(), "AAAA", "no part of a key")
	}
}

// TestSSHKeygen checks both ways against the tool that others will use, where it
// is installed. docs/testdata has a vector that was made when it was.
func TestSSHKeygen(t *testing.T) {
	tool, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Log("ssh-keygen is not installed: only the vector is checked")
		return
	}
	dir := t.TempDir()
	k := key(t, 7)
	sig, err := k.Sign([]byte("hello\n"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sig"), sig, 0o600))
	signers, keyPath := filepath.Join(dir, "allowed_signers"), filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(signers, []byte("auditor@example.org "+k.String()+"\n"), 0o600))
	require.NoError(t, os.WriteFile(keyPath, keyFile(t, 7), 0o600))

	verify := func(text string) ([]byte, error) {
		cmd := exec.Command(tool, "-Y", "verify", "-f", signers, "-I", "auditor@example.org", "-n", Namespace, "-s", filepath.Join(dir, "sig"))
		cmd.Stdin = strings.NewReader(text)
		return cmd.CombinedOutput()
	}
	out, err := verify("hello\n")
	assert.NoError(t, err, "%s", out)
	_, err = verify("hello \n")
	assert.Error(t, err)

	sign := exec.Command(tool, "-Y", "sign", "-f", keyPath, "-n", Namespace)
	sign.Stdin = strings.NewReader("hello\n")
	theirs, err := sign.Output()
	require.NoError(t, err)
	_, err = Check([]byte("hello\n"), theirs, []byte(k.String()))
	assert.NoError(t, err)
	mine, _ := pem.Decode(sig)
	its, _ := pem.Decode(theirs)
	assert.Equal(t, its.Bytes, mine.Bytes, "Ed25519 leaves nothing to chance")

	made := filepath.Join(dir, "made")
	require.NoError(t, exec.Command(tool, "-q", "-t", "ed25519", "-N", "", "-C", "x", "-f", made).Run())
	private, err := os.ReadFile(made)
	require.NoError(t, err)
	public, err := os.ReadFile(made + ".pub")
	require.NoError(t, err)
	k, err = ParseKey(private)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(public), k.String()+" "))
}

func FuzzSignature(f *testing.F) {
	k := key(f, 1)
	sig, err := k.Sign([]byte("x"))
	require.NoError(f, err)
	f.Add(sig, k.String())
	f.Add([]byte(""), `a namespaces="`)
	f.Fuzz(func(t *testing.T, s []byte, signers string) {
		who, err := Check([]byte("y"), s, []byte(signers))
		if err == nil {
			t.Fatalf("%v signed y", who)
		}
	})
}
