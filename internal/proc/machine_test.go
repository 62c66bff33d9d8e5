package proc

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func TestAMachineIsItsBootIDAndDoesNotTellIt(t *testing.T) {
	boot := func(id string) fstest.MapFS {
		return fstest.MapFS{"proc/sys/kernel/random/boot_id": {Data: []byte(id)}}
	}
	const id = "0b8a6a0e-6f0c-4b1e-9d5e-2f6b4f1f0a11\n"
	assert.Len(t, Machine(boot(id)), 32)
	assert.Equal(t, Machine(boot(id)), Machine(boot(id)), "in all its containers")
	assert.NotEqual(t, Machine(boot(id)), Machine(boot("1"+id[1:])), "after another start")
	assert.NotContains(t, Machine(boot(id)), "0b8a6a0e")
	if !elsewhere {
		assert.Empty(t, Machine(fstest.MapFS{}))
	}
}
