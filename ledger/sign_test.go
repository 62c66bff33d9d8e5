package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/carbonctl/carbonctl/ledger/sshsig"
	"github.com/carbonctl/carbonctl/runs"
)

// key has a seed of 32 times b.
func key(t testing.TB, b byte) *sshsig.Key {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)), "test")
	require.NoError(t, err)
	k, err := sshsig.ParseKey(pem.EncodeToMemory(block))
	require.NoError(t, err)
	return k
}

func TestSignedLedger(t *testing.T) {
	path := newPath(t)
	k := key(t, 1)
	w := Writer{Path: path, Key: k}
	for range 3 {
		_, err := w.Append(t.Context(), runs.Row{})
		require.NoError(t, err)
		head, sig := []byte(contents(t, path+".head")), []byte(contents(t, path+".head.sig"))
		who, err := sshsig.Check(head, sig, []byte("# auditors\n\nada@example.org "+k.String()+" comment\n"))
		require.NoError(t, err)
		assert.Equal(t, "ada@example.org", who.Name)
		_, err = sshsig.Check(head, sig, []byte(k.String()))
		require.NoError(t, err)
	}
	for _, row := range rows(t, path) {
		assert.Empty(t, row.Details)
	}

	// A row by somebody without the key, and then one with it.
	unsigned := add(t, path, runs.Row{})
	_, err := sshsig.Check([]byte(contents(t, path+".head")), []byte(contents(t, path+".head.sig")), []byte(k.String()))
	var bad *sshsig.Error
	require.ErrorAs(t, err, &bad)
	assert.ErrorContains(t, err, "not of these bytes")
	_, err = w.Append(t.Context(), runs.Row{})
	require.NoError(t, err)
	_, err = Writer{Path: path, Key: key(t, 2)}.Append(t.Context(), runs.Row{})
	require.NoError(t, err)
	all := rows(t, path)
	assert.Equal(t, `{"unsigned_before":"`+unsigned.Hash+`"}`, all[4].Details)
	assert.Equal(t, `{"unsigned_before":"`+all[4].Hash+`"}`, all[5].Details, "another key")
}

func TestSignatureOnAFullDisk(t *testing.T) {
	path := newPath(t)
	for left := 0; left < 4000; left += 61 {
		room := left
		w := full(Writer{Path: path, Key: key(t, 1)}, &room, nil)
		receipt, err := w.Append(t.Context(), runs.Row{})
		if err == nil {
			_, err = sshsig.Check([]byte(contents(t, path+".head")), []byte(contents(t, path+".head.sig")), []byte(key(t, 1).String()))
			require.NoError(t, err)
		} else if receipt.Hash == "" {
			continue
		}
		require.Contains(t, contents(t, path), receipt.Hash)
	}
	rows(t, path)
}

// The vector of docs/ledger.md: the ledger's vector, signed.
func TestSignatureVector(t *testing.T) {
	const dir = "../docs/testdata/ledger"
	k := key(t, 7)
	head := []byte(contents(t, "../docs/testdata/ledger/vector.csv.head"))
	sig, err := k.Sign(head)
	require.NoError(t, err)
	files := map[string]string{
		"vector.csv.head.sig": string(sig), "allowed_signers": "auditor@example.org " + k.String() + "\n",
	}
	for name, text := range files {
		if *update {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		}
		assert.Equal(t, contents(t, filepath.Join(dir, name)), text, name)
	}
	who, err := sshsig.Check(head, sig, []byte(files["allowed_signers"]))
	require.NoError(t, err)
	assert.Equal(t, "auditor@example.org", who.Name)
	assert.Contains(t, contents(t, "../docs/ledger.md"), who.Fingerprint)
}
