// Package sshsig signs and checks in the format of OpenSSH's "ssh-keygen -Y sign"
// and "-Y verify", with Ed25519 keys. Package ledger signs its heads with it.
package sshsig

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Namespace is what our signatures are for, the -n of ssh-keygen.
const Namespace = "carbonctl"

// A Key signs: an Ed25519 key as ssh-keygen makes it. It is safe for concurrent
// use.
type Key struct{ signer ssh.Signer }

// ParseKey reads an OpenSSH private key file, such as "ssh-keygen -t ed25519 -N ”"
// writes. A key of another kind, or with a passphrase, is an error.
func ParseKey(file []byte) (*Key, error) {
	raw, err := ssh.ParseRawPrivateKey(file)
	if locked := (*ssh.PassphraseMissingError)(nil); errors.As(err, &locked) {
		return nil, errors.New("signing key: it has a passphrase; a key that signs unattended can have none")
	}
	if err != nil {
		return nil, fmt.Errorf("signing key: not a private key file: %w", err)
	}
	private, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("signing key: not an Ed25519 key but a %T", raw)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return &Key{signer}, nil
}

// String gives the public half as a line of a .pub file, without a comment.
func (k *Key) String() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.signer.PublicKey())))
}

// The envelope of a signature, and what is signed, as in OpenSSH's file
// PROTOCOL.sshsig; both stand behind the six bytes "SSHSIG".
type envelope struct {
	Version                       uint32
	Key                           []byte
	Namespace, Reserved, HashName string
	Signature                     []byte
}

type signed struct {
	Namespace, Reserved, HashName string
	Hash                          []byte
}

const (
	sigMagic = "SSHSIG"
	sigType  = "SSH SIGNATURE"
)

func toSign(message []byte) []byte {
	sum := sha512.Sum512(message)
	return append([]byte(sigMagic), ssh.Marshal(signed{Namespace: Namespace, HashName: "sha512", Hash: sum[:]})...)
}

// Sign returns the signature of a message as "ssh-keygen -Y sign" writes it.
func (k *Key) Sign(message []byte) ([]byte, error) {
	sig, err := k.signer.Sign(rand.Reader, toSign(message))
	if err != nil {
		return nil, err
	}
	blob := append([]byte(sigMagic), ssh.Marshal(envelope{
		Version: 1, Key: k.signer.PublicKey().Marshal(), Namespace: Namespace, HashName: "sha512", Signature: ssh.Marshal(sig),
	})...)
	return pem.EncodeToMemory(&pem.Block{Type: sigType, Bytes: blob}), nil
}

// Signed reports whether sig is a signature of the message by this key.
func (k *Key) Signed(message, sig []byte) bool {
	_, err := Check(message, sig, []byte(k.String()))
	return err == nil
}

// An Error says why a signature proves nothing.
type Error struct{ Why string }

func (e *Error) Error() string { return "signature: " + e.Why }

// Signer says who signed.
type Signer struct {
	Name        string `json:"name"`        // as the list of signers has it, "" in a .pub file
	Fingerprint string `json:"fingerprint"` // "SHA256:…", as ssh-keygen -l prints it
}

// Check checks that sig is a signature of the message by one of the signers.
// Those are lines of a .pub file ("ssh-ed25519 AAAA…") or of ssh-keygen's list of
// allowed signers ("ada@example.org ssh-ed25519 AAAA…"), where the option
// namespaces="…" is known and a line with any other option is passed over. What
// proves nothing is an *Error.
func Check(message, sig, signers []byte) (Signer, error) {
	key, err := checkEnvelope(message, sig)
	if err != nil {
		return Signer{}, err
	}
	who := Signer{Fingerprint: ssh.FingerprintSHA256(key)}
	lines := 0
	for line := range strings.Lines(string(signers)) {
		name, allowed, ok := parseSigner(line)
		if !ok {
			continue
		}
		lines++
		if bytes.Equal(allowed.Marshal(), key.Marshal()) {
			who.Name = name
			return who, nil
		}
	}
	if lines == 0 {
		return who, &Error{"there is no Ed25519 key in the list of signers"}
	}
	return who, &Error{"it was made with a key that is not in the list of signers: " + who.Fingerprint}
}

// checkEnvelope returns the key that made the signature.
func checkEnvelope(message, sig []byte) (ssh.PublicKey, error) {
	block, rest := pem.Decode(sig)
	if block == nil || block.Type != sigType || len(bytes.TrimSpace(rest)) > 0 {
		return nil, &Error{"the file is not an SSH signature"}
	}
	blob, ok := bytes.CutPrefix(block.Bytes, []byte(sigMagic))
	var e envelope
	if !ok || ssh.Unmarshal(blob, &e) != nil || e.Version != 1 {
		return nil, &Error{"the file is not an SSH signature of version 1"}
	}
	if e.Namespace != Namespace {
		return nil, &Error{fmt.Sprintf("it is for %.40q, not for %q", e.Namespace, Namespace)}
	}
	key, err := ssh.ParsePublicKey(e.Key)
	if err != nil || key.Type() != ssh.KeyAlgoED25519 {
		return nil, &Error{"it was not made with an Ed25519 key"}
	}
	var own ssh.Signature
	if e.HashName != "sha512" || ssh.Unmarshal(e.Signature, &own) != nil || own.Format != ssh.KeyAlgoED25519 || len(own.Rest) > 0 {
		return nil, &Error{"it is not of the form that ssh-keygen gives an Ed25519 signature"}
	}
	if err := key.Verify(toSign(message), &own); err != nil {
		return nil, &Error{"it is not of these bytes, or was changed"}
	}
	return key, nil
}

// parseSigner reads a line of a list of signers.
func parseSigner(line string) (name string, key ssh.PublicKey, ok bool) {
	f := strings.Fields(line)
	if len(f) == 0 || strings.HasPrefix(f[0], "#") {
		return "", nil, false
	}
	if f[0] != ssh.KeyAlgoED25519 {
		name, f = f[0], f[1:]
	}
	if len(f) > 0 {
		if list, ok := strings.CutPrefix(f[0], `namespaces="`); ok {
			if !strings.Contains(","+strings.TrimSuffix(list, `"`)+",", ","+Namespace+",") {
				return "", nil, false
			}
			f = f[1:]
		}
	}
	if len(f) < 2 || f[0] != ssh.KeyAlgoED25519 {
		return "", nil, false
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(f[0] + " " + f[1]))
	return name, key, err == nil
}
