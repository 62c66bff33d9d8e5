package store

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// fill gives every field of a row a value of its own, or none where it may be empty.
func fill(rnd *rand.Rand) runs.Row {
	var r runs.Row
	v := reflect.ValueOf(&r).Elem()
	text := func() string { return strings.Repeat("x", rnd.IntN(300)) + "ü" + string(rune('a'+rnd.IntN(26))) }
	for i := range v.NumField() {
		f := v.Field(i)
		empty := rnd.IntN(3) == 0
		switch p := f.Addr().Interface().(type) {
		case *runs.Stamp:
			if !empty {
				p.Time = time.Unix(rnd.Int64N(1<<33), rnd.Int64N(1e9)).UTC()
			}
		case *energy.Energy:
			*p = energy.Energy(rnd.Int64() - 1<<62)
		case **energy.Energy:
			if !empty {
				*p = new(energy.Energy(rnd.Int64N(1 << 50)))
			}
		case *runs.Number:
			*p = runs.Number(rnd.NormFloat64())
		case **runs.Number:
			if !empty {
				*p = new(runs.Number(rnd.NormFloat64()))
			}
		case *int:
			*p = rnd.IntN(1000) - 500
		case **int:
			if !empty {
				*p = new(rnd.IntN(1000) - 500)
			}
		default:
			if f.Kind() == reflect.String && !empty {
				f.SetString(text())
			}
		}
	}
	if rnd.IntN(2) == 0 {
		r.Hash = strings.Repeat("0f", hashLength)
	}
	return r
}

func TestARowComesBackAsItWas(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	x := newIndex()
	c := newCoder(&x.words)
	var all []runs.Row
	for range 500 {
		r := fill(rnd)
		if _, ok := x.add(r.RunID, c.encode(&r), 0); ok {
			r.PreviousHash = "" // of the chain, which nobody looks at here
			all = append(all, r)
		}
	}
	require.Greater(t, len(all), 300)
	x.paths = []string{"runs.csv"}
	rows := x.snapshot()
	for i, want := range all {
		got, path := rows.At(i)
		require.Equal(t, want, got)
		require.Equal(t, "runs.csv", path)
		if want.RunID != "" {
			at, ok := rows.Find(want.RunID)
			require.True(t, ok)
			require.Equal(t, i, at)
		}
	}
	n := 0
	rows.Each(0, func(r *runs.Row) {
		want := all[n]
		want.Hash, want.RunHash = "", ""
		require.Equal(t, want, *r)
		n++
	})
	assert.Equal(t, len(all), n)
	n = 0
	rows.EachShort(0, func(r *runs.Row) {
		want := all[n]
		want.Hash, want.RunHash, want.Components, want.Details, want.Work, want.Cost = "", "", "", "", "", ""
		require.Equal(t, want, *r)
		n++
	})
	assert.Equal(t, len(all), n)
}

// A state that was taken stays as it is while rows are added.
func TestASnapshotDoesNotChange(t *testing.T) {
	x := newIndex()
	add := func(id, project string) {
		x.add(id, newCoder(&x.words).encode(&runs.Row{RunID: id, Project: project, Status: footprint.Completed}), 0)
	}
	add("0198c0de-a", "a")
	x.paths = []string{"l.csv"}
	old := x.snapshot()
	add("0198c0de-b", "b")
	add("0198c0de-b", "again")
	next := x.snapshot()
	assert.Equal(t, 1, old.Len())
	assert.Equal(t, 2, next.Len())
	assert.True(t, next.Extends(old))
	assert.False(t, old.Extends(next))
	_, ok := old.Find("0198c0de-b")
	assert.False(t, ok)
	i, ok := next.Find("0198c0de")
	assert.False(t, ok, "it stands for two")
	assert.Negative(t, i)
	i, ok = old.Find("0198c0")
	assert.True(t, ok)
	assert.Zero(t, i)
	_, ok = next.Find("019")
	assert.False(t, ok, "too short")
	row, _ := next.At(1)
	assert.Equal(t, "b", row.Project)
	assert.False(t, newIndex().snapshot().Extends(next))
}
