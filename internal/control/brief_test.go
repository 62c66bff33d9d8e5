package control_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// Who needs no figures of the run gets none, and those of its task all the same.
func TestBrief(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		assert.Equal(t, map[string]any{"n": 1.0, "op": "task-start"}, c.ask(`{"op":"task-start","name":"x","brief":true}`))
		c.ask(`{"op":"epoch-start"}`)
		time.Sleep(2 * time.Second)
		a := c.ask(`{"op":"task-end","brief":true}`)
		assert.Len(t, a, 3)
		joules(t, a["task"], 800, 20)
		assert.Len(t, a["task"].(map[string]any)["components"], 2)
		a = c.ask(`{"op":"epoch-end","brief":true}`)
		assert.Len(t, a, 3)
		joules(t, a["epoch"], 800, 20)
		assert.Equal(t, map[string]any{"n": 5.0, "op": "count"}, c.ask(`{"op":"count","unit":"sample","n":2,"brief":true}`))
		a = c.ask(`{"op":"report","brief":true}`)
		joules(t, a, 800, 20)
		assert.Equal(t, map[string]any{"sample": 2.0}, a["counts"])
		assert.NotContains(t, c.ask(`{"op":"count","unit":"sample","n":2,"brief":false}`), "task")
		assert.Equal(t, "bad-key", c.ask(`{"op":"count","unit":"sample","n":2,"brief":"yes"}`)["code"])
	})
}
