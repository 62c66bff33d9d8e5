package estimate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clientReading is one line of testdata/client_load.csv that is of a CPU: the power of
// the package at full load, or at none.
type clientReading struct {
	model, name string // as given, and its key
	chip        sku
	watts       float64
	state       string // default, enforced-turbo, enforced-sustained, lifted, set=W, idle
}

func clientReadings(t testing.TB) (list []clientReading) {
	for _, row := range readCSV(t, "testdata/client_load.csv") {
		if s := row["scope"]; s != "package" && s != "eps" {
			continue // a whole machine, or a model and no reading
		}
		r := clientReading{model: row["model"], name: key(row["model"]), state: row["limits"]}
		var err error
		r.watts, err = strconv.ParseFloat(row["measured_w"], 64)
		require.NoError(t, err)
		var ok bool
		r.chip, ok = lookup(cpus, r.name)
		require.True(t, ok, r.model)
		list = append(list, r)
	}
	return list
}

// kind is the row of the tables that a reading belongs to.
func (r clientReading) kind() string {
	switch {
	case formOf(r.name, r.chip) == laptop:
		return "laptop"
	case strings.HasPrefix(r.name, "ryzen") && firstZen(r.name):
		return "Ryzen, Zen"
	case strings.HasPrefix(r.name, "ryzen"):
		return "Ryzen, Zen 2 and later"
	case unlocked(r.name):
		return "Intel K"
	}
	return "Intel, others"
}

// limits are those that the kernel would tell in that state; AMD's tells none.
func (r clientReading) limits() limits {
	l := limits{tdp: r.chip.tdp, long: r.chip.turbo, short: r.chip.turbo, known: true}
	switch watts, set := strings.CutPrefix(r.state, "set="); {
	case strings.HasPrefix(r.name, "ryzen"):
		return limits{}
	case set:
		l.long, _ = strconv.ParseFloat(watts, 64)
		l.short = l.long
	case r.state == "enforced-sustained":
		l.long = r.chip.tdp
	case r.state == "lifted":
		l.long, l.short = 4095, 4095
	}
	if l.long == 0 { // by default, where none is published
		return limits{}
	}
	return l
}

// fitWithout fits the parts to the readings of all models but one: the mean over models
// of the mean ratio to the limit.
func fitWithout(list []clientReading, model string) clientParts {
	ratios := map[string]map[string][]float64{}
	for _, r := range list {
		part, limit := "", r.chip.turbo
		switch ryzen := strings.HasPrefix(r.name, "ryzen"); {
		case r.model == model, r.kind() == "laptop", r.state == "idle", r.state == "enforced-sustained", strings.HasPrefix(r.state, "set="):
			continue
		case strings.HasPrefix(r.name, "ryzen") && firstZen(r.name):
			part, limit = "first", r.chip.tdp
		case limit == 0:
			continue
		case r.state == "lifted":
			part = "lifted"
		case ryzen:
			part = "zen"
		case fitted().turbo(r.name) == largestPart:
			part = "largest"
		default:
			part = "intel"
		}
		if ratios[part] == nil {
			ratios[part] = map[string][]float64{}
		}
		ratios[part][r.model] = append(ratios[part][r.model], r.watts/limit)
	}
	fit := func(part string) float64 { return macro(ratios[part]) }
	return clientParts{fit("intel"), fit("largest"), fit("zen"), fit("first"), fit("lifted")}
}

// TestClientAccuracy leaves each CPU model out of the fit in turn and predicts its
// readings, with the limits that the kernel would tell and without.
func TestClientAccuracy(t *testing.T) {
	list := clientReadings(t)
	require.Equal(t, 42, len(list))
	all := fitWithout(list, "")
	for _, c := range []struct {
		name         string
		used, fitted float64
	}{
		{"intelPart", intelPart, all.intel}, {"largestPart", largestPart, all.largest},
		{"zenPart", zenPart, all.zen}, {"firstPart", firstPart, all.first}, {"liftedPart", liftedPart, all.lifted},
	} {
		t.Logf("%s: %.2f used, %.3f fitted", c.name, c.used, c.fitted)
		assert.InEpsilon(t, c.fitted, c.used, 0.15, c.name)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| full load of | readings | models | limits | mean error | bias | in the band | TDP (CodeCarbon, Green Algorithms) |\n|---|---|---|---|---|---|---|---|\n")
	for _, kind := range []string{"Intel K", "Intel, others", "Ryzen, Zen 2 and later", "Ryzen, Zen", "laptop"} {
		for _, told := range []bool{true, false} {
			errs, tdp, inside, n := map[string][]float64{}, map[string][]float64{}, 0, 0
			for _, r := range list {
				if r.kind() != kind || r.state == "idle" {
					continue
				}
				l := limits{}
				if told {
					if l = r.limits(); !l.known {
						continue
					}
				}
				idle, full, band := clientPower(r.name, r.chip, l, fitWithout(list, r.model))
				require.Less(t, idle, full)
				n++
				errs[r.model] = append(errs[r.model], full/r.watts-1)
				tdp[r.model] = append(tdp[r.model], r.chip.tdp/r.watts-1)
				if r.watts >= full/band && r.watts <= full*band {
					inside++
				}
			}
			if n == 0 {
				continue
			}
			how := "not known"
			if told {
				how = "read"
			}
			fmt.Fprintf(&table, "| %s | %d | %d | %s | %.0f %% | %+.0f %% | %d of %d | %.0f %%, %+.0f %% |\n",
				kind, n, len(errs), how, 100*absolute(errs), 100*macro(errs), inside, n, 100*absolute(tdp), 100*macro(tdp))
		}
	}
	t.Log("\n" + table.String())
	inDocs(t, "clients", table.String())
}

// absolute is the mean over models of the mean of the amounts.
func absolute(by map[string][]float64) float64 {
	abs := map[string][]float64{}
	for k, xs := range by {
		for _, x := range xs {
			abs[k] = append(abs[k], math.Abs(x))
		}
	}
	return macro(abs)
}

// wellKnown are the CPUs of the table that sets the model beside public readings.
var wellKnown = []string{
	"Intel Core i9-13900K", "Intel Core i9-14900K", "Intel Core i9-12900K", "Intel Core i7-14700K", "Intel Core i7-13700H", "Intel Core i7-12700H",
	"Intel Core i7-8700", "Intel Core i5-13600K", "Intel Core i5-13500", "Intel Core i5-12400", "Intel Core i3-12100F",
	"Intel Core Ultra 9 285K", "Intel Core Ultra 7 265K", "Intel Core Ultra 5 235", "Intel N100", "Intel N150",
	"AMD Ryzen 9 9950X", "AMD Ryzen 9 7950X3D", "AMD Ryzen 9 5950X", "AMD Ryzen 7 5800X", "AMD Ryzen 5 7600", "AMD Ryzen 5 5600X", "AMD Ryzen 7 1700X", "AMD Ryzen 9 7945HX",
	"Apple M2", "Apple M4 Pro", "AMD Ryzen Threadripper PRO 5995WX",
	"AMD EPYC 7763", "AMD EPYC 9654", "AMD EPYC 9755", "AMD EPYC 8024P",
	"Intel Xeon E5-2686 v4", "Intel Xeon Platinum 8275CL", "Intel Xeon Platinum 8480+", "Intel Xeon 6980P",
}

// TestWellKnown sets what Describe says of well-known CPUs beside what was read of them.
func TestWellKnown(t *testing.T) {
	seen := map[string][]float64{}
	for _, row := range readCSV(t, "testdata/client_load.csv") {
		if s := row["scope"]; s == "wall" || s == "dc-in" || row["limits"] == "idle" {
			continue
		}
		w, err := strconv.ParseFloat(row["measured_w"], 64)
		require.NoError(t, err)
		seen[key(row["model"])] = append(seen[key(row["model"])], w)
	}
	for _, r := range readings(t) {
		if r.u > 0.99 {
			seen[key(r.model.SKU)] = append(seen[key(r.model.SKU)], r.measured/float64(r.model.Sockets))
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| CPU | TDP | idle | full load | 90 %% band | read at full load |\n|---|---|---|---|---|---|\n")
	read := 0
	for _, name := range wellKnown {
		m := Describe(Chip{Name: name})
		require.Equal(t, BySKU, m.How, name)
		low, full, high := m.Range(1, 1)
		public := "-"
		if ws := seen[key(name)]; ws != nil {
			read++
			slices.Sort(ws)
			if public = fmt.Sprintf("%.0f W", ws[0]); fmt.Sprintf("%.0f", ws[0]) != fmt.Sprintf("%.0f", ws[len(ws)-1]) {
				public = fmt.Sprintf("%.0f to %.0f W", ws[0], ws[len(ws)-1])
			}
		}
		tdp := "-"
		if m.TDP > 0 {
			tdp = fmt.Sprintf("%.0f W", m.TDP.Watts())
		}
		fmt.Fprintf(&table, "| %s | %s | %.3g W | %.0f W | %.0f to %.0f W | %s |\n", name, tdp, m.Idle.Watts(), full.Watts(), low.Watts(), high.Watts(), public)
	}
	assert.GreaterOrEqual(t, len(wellKnown), 30)
	assert.GreaterOrEqual(t, read, 20)
	inDocs(t, "cpus", table.String())
}
