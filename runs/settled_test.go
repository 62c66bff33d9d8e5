package runs

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSettledIsSettleAgainAndAgain adds rows in parts, looks at the sums after each, and
// compares them with those of who adds all at once.
func TestSettledIsSettleAgainAndAgain(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		rows := random(rnd, 1+rnd.IntN(60))
		for i := range rows {
			rows[i].Work = []string{"", `{"token":5,"request":1}`, `{"token":7}`}[rnd.IntN(3)]
		}
		all := func(n int) *Groups {
			g := &Groups{By: []Key{ByProject}, Also: [][]Key{{ByProject, ByDay, ByStatus}, {ByHost}}}
			for i, r := range rows[:n] {
				if i%7 == 3 {
					g.Beside(r)
				} else {
					g.Add(r)
				}
			}
			return g
		}
		grown := all(0)
		for i, r := range rows {
			if i%7 == 3 {
				grown.Beside(r)
			} else {
				grown.Add(r)
			}
			if rnd.IntN(5) > 0 && i+1 < len(rows) {
				continue
			}
			want := all(i + 1)
			want.Settle()
			got := grown.Settled()
			require.Equal(t, want.Total, got.Total, "seed %d, %d rows", seed, i+1)
			require.Equal(t, want.List(), got.List())
			require.Equal(t, want.Months(), got.Months())
			for k := range want.Also {
				require.Equal(t, want.AlsoList(k), got.AlsoList(k))
			}
		}
	}
}

// TestSettledSharesNothing finds what a field added later would share.
func TestSettledSharesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	rows := random(rnd, 40)
	for i := range rows {
		rows[i].Warnings, rows[i].Work = "a b", `{"token":5}`
	}
	g := &Groups{By: []Key{ByProject}}
	for _, r := range rows[:20] {
		g.Add(r)
	}
	before := g.Settled()
	again := g.Settled()
	notShared(t, "Total", reflect.ValueOf(g.Total), reflect.ValueOf(before.Total))
	for name, group := range g.groups {
		notShared(t, name, reflect.ValueOf(*group), reflect.ValueOf(*before.groups[name]))
	}
	for _, r := range rows[20:] {
		g.Add(r)
	}
	assert.Equal(t, again.Total, before.Total)
	assert.True(t, reflect.DeepEqual(again.List(), before.List()), "what was given does not change")

	largest := &Largest{Most: 3}
	for i := range rows[:20] {
		largest.Add(&rows[i])
	}
	kept := largest.Copied()
	want := kept.Copied()
	for i := range rows {
		rows[i].Emissions *= 2
		largest.Add(&rows[i])
	}
	assert.Equal(t, want, kept)
}

// notShared walks two values for what can be changed by way of both. The names of groups
// never are.
func notShared(t *testing.T, name string, a, b reflect.Value) {
	switch a.Kind() {
	case reflect.Map, reflect.Pointer, reflect.Slice:
		if name != "Name" && a.Pointer() != 0 && (a.Kind() != reflect.Slice || a.Len() > 0) {
			assert.NotEqual(t, a.Pointer(), b.Pointer(), name)
		}
		switch a.Kind() {
		case reflect.Map:
			for _, key := range a.MapKeys() {
				notShared(t, name+" "+key.String(), a.MapIndex(key), b.MapIndex(key))
			}
		case reflect.Pointer:
			if !a.IsNil() {
				notShared(t, name, a.Elem(), b.Elem())
			}
		}
	case reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.Type.PkgPath() != "time" {
				notShared(t, f.Name, a.Field(i), b.Field(i))
			}
		}
	}
}
