package proc

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
)

// Machine names the machine whose root is given, from one of its starts to the
// next: a hash of the kernel's boot id, which all of its containers share, and
// elsewhere of the machine's id and the time of its start. It is "" where neither
// is known.
func Machine(root fs.FS) string {
	boot := text(root, "proc/sys/kernel/random/boot_id")
	if boot == "" {
		boot = systemBoot()
	}
	if boot == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("carbonctl machine\n" + boot))
	return hex.EncodeToString(sum[:16])
}
