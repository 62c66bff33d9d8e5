package nvml

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// proc is a /proc of some processes.
func proc(pids ...int) fstest.MapFS {
	m := fstest.MapFS{"proc/self/status": &fstest.MapFile{Data: []byte("Name:\tcarbonctl\nNSpid:\t7\n")}}
	for _, pid := range pids {
		m[fmt.Sprintf("proc/%d/status", pid)] = &fstest.MapFile{Data: []byte(fmt.Sprintf("NSpid:\t%d\n", pid))}
	}
	return m
}

func only(pids ...int) func(int) bool {
	return func(pid int) bool { return slices.Contains(pids, pid) }
}

// users is a card on which processes work: by pid, how busy in percent.
func users(busy map[int]uint32) *card {
	return &card{load: steady(250), tune: func(d *device) {
		d.busy = entries(busy)
		d.processes = func(to []int) ([]int, error) {
			for pid := range busy {
				to = append(to, pid)
			}
			return to, nil
		}
	}}
}

func entries(work map[int]uint32) func(int64, []busy) ([]busy, error) {
	return func(since int64, to []busy) ([]busy, error) {
		now := time.Now().UnixMicro()
		to = append(to, busy{pid: 1, stamp: since - 5, percent: 90}, busy{pid: 2, stamp: now, percent: 40000}, busy{stamp: now, percent: 50})
		for pid, percent := range work {
			if percent > 0 {
				to = append(to, busy{pid, now, percent})
			}
		}
		if len(to) == 3 {
			return to[:0], fault{"nvmlDeviceGetProcessUtilization", "Not Found", 6}
		}
		return to, nil
	}
}

// share reads twice, 10 s apart, and gives what the work used of the first GPU.
func share(t *testing.T, c *card, o Options, mine func(int) bool) (energy.Use, error) {
	t.Helper()
	m, _, err := open(t.Context(), []opener{machine(c)}, o)
	require.NoError(t, err)
	defer m.Close()
	var first, last []energy.Use
	read(t, m)
	first, err = m.Use(t.Context(), mine, first)
	require.NoError(t, err)
	time.Sleep(10 * time.Second)
	read(t, m)
	last, err = m.Use(t.Context(), mine, last)
	require.Len(t, last, len(first))
	u := last[0]
	u.Mine, u.All, u.Capacity = u.Mine-first[0].Mine, u.All-first[0].All, u.Capacity-first[0].Capacity
	return u, err
}

func TestShares(t *testing.T) {
	contexts := func(pids ...int) *card {
		return &card{load: steady(250), tune: func(d *device) {
			d.busy = func(int64, []busy) ([]busy, error) { return nil, unsupported("nvmlDeviceGetProcessUtilization") }
			d.processes = func(to []int) ([]int, error) { return append(to, pids...), nil }
		}}
	}
	for _, tt := range []struct {
		name string
		card *card
		proc []int
		mine []int
		part float64 // of all that is used
		why  error   // not known
	}{
		{"alone", users(map[int]uint32{100: 80}), []int{100}, []int{100}, 1, nil},
		{"with another", users(map[int]uint32{100: 60, 200: 20}), []int{100, 200}, []int{100}, 61. / 82, nil},
		{"two of its processes", users(map[int]uint32{100: 60, 101: 10, 200: 20}), []int{100, 101, 200}, []int{100, 101}, 72. / 93, nil},
		{"only another", users(map[int]uint32{200: 20}), []int{200}, []int{100}, 0, nil},
		{"idle, with a context", users(map[int]uint32{100: 0}), []int{100}, []int{100}, 1, nil},
		{"idle, both with a context", users(map[int]uint32{100: 0, 200: 0}), []int{100, 200}, []int{100}, 0.5, nil},
		{"nobody", users(nil), nil, []int{100}, 0, nil},
		{"the host's pids", users(map[int]uint32{31234: 80}), []int{100}, []int{100}, 0, errForeign},
		{"ended, and known to the caller", users(map[int]uint32{100: 80}), nil, []int{100}, 1, nil},
		{"contexts: alone", contexts(100), []int{100}, []int{100}, 1, nil},
		{"contexts: only another", contexts(200), []int{200}, []int{100}, 0, nil},
		{"contexts: both", contexts(100, 200), []int{100, 200}, []int{100}, 0, errMixed},
		{"nothing is told", &card{load: steady(250)}, []int{100}, []int{100}, 0, errNobody},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, err := share(t, tt.card, Options{Root: proc(tt.proc...)}, only(tt.mine...))
				if tt.why != nil {
					assert.ErrorIs(t, err, tt.why)
					assert.ErrorIs(t, err, ErrUsers)
					assert.False(t, u.Known)
					return
				}
				require.NoError(t, err)
				assert.True(t, u.Known)
				assert.Equal(t, energy.GPU, u.Kind)
				assert.Equal(t, "GPU-00000000-0000", u.ID)
				assert.LessOrEqual(t, u.Mine, u.All)
				assert.LessOrEqual(t, u.All, u.Capacity)
				assert.InDelta(t, tt.part, u.Mine/max(u.All, 1), 1e-6)
			})
		})
	}
}

// The driver samples less often than we read: until it has, nothing is settled.
func TestUtilisationThatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		c := users(map[int]uint32{100: 50})
		c.stamps = true // no answer is kept back: the test goes by the clock
		tune := c.tune
		c.tune = func(d *device) {
			tune(d)
			asked := d.busy
			d.busy = func(since int64, to []busy) ([]busy, error) {
				if d := time.Since(begin); d%time.Second != 0 || d > 5*time.Second {
					return to, fault{"nvmlDeviceGetProcessUtilization", "Not Found", 6}
				}
				return asked(since, to)
			}
		}
		m, _, err := open(t.Context(), []opener{machine(c)}, Options{Root: proc(100)})
		require.NoError(t, err)
		defer m.Close()
		known := map[bool]int{}
		var use []energy.Use
		for range 45 {
			read(t, m)
			use, err = m.Use(t.Context(), only(100), use[:0])
			require.NoError(t, err)
			known[use[0].Known]++
			time.Sleep(200 * time.Millisecond)
		}
		assert.Equal(t, use[0].Mine, use[0].All)
		assert.InDelta(t, (5*51+3.8)/8.8/100, use[0].Mine/use[0].Capacity, 0.001, "busy for five seconds")
		assert.Equal(t, map[bool]int{true: 1 + 5 + 10, false: 20 + 9}, known, "idle is believed after two seconds")
	})
}

func TestSeveralPeriodsInOneStretch(t *testing.T) {
	at := time.Unix(1000, 0)
	var u usage
	who := func(pid int) (bool, bool) { return pid == 100, true }
	require.NoError(t, u.add(&device{}, &userReport{at: at}, nil, who, false))
	a := userReport{at: at.Add(3 * time.Second), busy: []busy{{100, 1, 60}, {200, 3, 60}, {100, 2, 60}, {100, 3, 60}}}
	require.NoError(t, u.add(&device{}, &a, nil, who, false))
	assert.EqualValues(t, 60*3e6, u.mine)
	assert.EqualValues(t, 60*3e6+20*3e6, u.all)
	assert.EqualValues(t, 100*3e6, u.capacity)
}

func TestAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origin := time.Now()
		c := contextless(func(to []account) ([]account, error) {
			d := time.Since(origin)
			return append(to, account{50, 1, time.Hour, 90}, // long over
				account{100, 2, d, 60}, account{200, 3, d, 20}), nil
		})
		u, err := share(t, c, Options{Root: proc(100, 200)}, only(100))
		require.NoError(t, err)
		assert.InDelta(t, 0.75, u.Mine/u.All, 1e-6)
	})
}

func contextless(accounts func([]account) ([]account, error)) *card {
	return &card{load: steady(250), tune: func(d *device) { d.accounts = accounts }}
}

// mig is a card of seven slices, cut into three instances: of 3, 2 and 1. With
// percent it can tell how busy they are.
func mig(percent []uint32, on ...[]int) *card {
	return &card{load: steady(250), tune: func(d *device) {
		d.mig, d.whole = true, 7
		for i, size := range []int{3, 2, 1} {
			s := slice{uuid: fmt.Sprintf("MIG-%d", i), size: size}
			s.processes = func(to []int) ([]int, error) { return append(to, on[i]...), nil }
			if percent != nil {
				first := true
				s.busy = func() (uint32, error) {
					if first {
						first = false
						return 0, errNothing
					}
					return percent[i], nil
				}
			}
			d.slices = append(d.slices, s)
		}
	}}
}

func TestSlices(t *testing.T) {
	for _, tt := range []struct {
		name    string
		card    *card
		visible string
		part    float64
		why     error
	}{
		{"by size", mig(nil, []int{100}, []int{200}, nil), "", 3. / 7, nil},
		{"by size, two in one", mig(nil, []int{100, 200}, nil, nil), "", 1.5 / 7, nil},
		{"by size, none", mig(nil, nil, []int{200}, nil), "", 0, nil},
		{"by what is measured", mig([]uint32{50, 100, 0}, []int{100}, []int{200}, nil), "", 3 * 51. / (3*51 + 2*101), nil},
		{"the host's pids", mig(nil, []int{9999}, nil, nil), "", 0, errForeign},
		{"the host's pids on one", mig(nil, []int{9999}, []int{100}, nil), "", 0, errForeign},
		{"the host's pids, but named", mig(nil, []int{9999}, nil, nil), "MIG-0", 3. / 7, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := Options{Root: proc(100, 200), Env: environment("CUDA_VISIBLE_DEVICES", tt.visible)}
				if tt.visible == "" {
					o.Env = nil
				}
				u, err := share(t, tt.card, o, only(100))
				if tt.why != nil {
					assert.ErrorIs(t, err, tt.why)
					return
				}
				require.NoError(t, err)
				assert.InDelta(t, tt.part, u.Mine/u.All, 1e-4)
			})
		})
	}
}

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestPidsOfAContainerThroughTheHost(t *testing.T) {
	host := fstest.MapFS{}
	add := func(name, nspid, space string) {
		host["proc/"+name+"/status"] = &fstest.MapFile{Data: []byte("Name:\tx\nNSpid:\t" + nspid + "\n")}
		host["proc/"+name+"/ns/pid"] = &fstest.MapFile{Data: []byte(space), Mode: 0o777 | 1<<27} // a link
	}
	add("self", "5000 7", "pid:[2]")
	add("5001", "5001 8", "pid:[2]")
	add("6001", "6001 8", "pid:[3]") // another container's
	add("8", "8", "pid:[1]")         // a daemon of the host
	p := newPids(host)
	require.Equal(t, "pid:[2]", p.space)
	for pid, want := range map[int]bool{5001: true, 6001: false, 8: false} {
		ours, told := p.mine(pid, only(8))
		assert.Equal(t, want, ours, pid)
		assert.True(t, told)
	}
	later := time.Now()
	p.forget(later)
	p.forget(later.Add(forgetAfter)) // it was asked for before that
	delete(host, "proc/5001/status")
	delete(host, "proc/5001/ns/pid")
	ours, told := p.mine(5001, only(8))
	assert.True(t, ours && told, "one that has ended is what it was")
	for i := range 3 {
		p.forget(later.Add(time.Duration(2+i) * forgetAfter))
	}
	assert.Empty(t, p.was)
	assert.Empty(t, p.before, "for a while")
	_, told = p.mine(5001, only(8))
	assert.False(t, told)
}

// In a container the driver may give the host's pids: one that is also a pid here
// is another process, which has no GPU open.
func TestAPidOfTheHostThatIsAlsoOurs(t *testing.T) {
	root := kernel(map[string]string{
		"proc/self/ns/pid": "->pid:[4026532000]", "proc/self/status": "NSpid:\t7\n",
		"proc/8/fd/0": "->/dev/null", "proc/8/fd/5": "->/dev/nvidiactl", "proc/9/fd/0": "->/dev/null",
	})
	p := newPids(root)
	ours, told := p.mine(8, only(8, 9))
	assert.True(t, ours && told)
	ours, told = p.mine(9, only(8, 9))
	assert.False(t, ours || told)
	root["proc/self/ns/pid"].Data = []byte(firstSpace)
	p = newPids(root)
	ours, told = p.mine(9, only(8, 9))
	assert.True(t, ours && told, "on the host it is who it says")
}

func TestAccountsAreForgotten(t *testing.T) {
	var u usage
	nobody := tally{who: func(int) (bool, bool) { return false, true }}
	for i := range uint64(1000) {
		require.NoError(t, u.book([]account{{int(i), i, time.Second, 50}, {int(i) + 1, i + 1, time.Second, 50}}, &nobody))
	}
	assert.LessOrEqual(t, len(u.booked), 5)
}

// The parts of several works add up to the whole, exactly.
func TestSharesConserve(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		works := 2 + r.IntN(4)
		usages := make([]usage, works)
		d := device{mig: r.IntN(2) == 0, whole: 7}
		for i := range 3 {
			d.slices = append(d.slices, slice{size: 1 + i})
		}
		at := time.Unix(1000, 0)
		for range 5 {
			at = at.Add(time.Duration(r.Int64N(int64(3 * time.Second))))
			a := randomUsers(r, at, len(d.slices))
			for w := range usages {
				who := func(pid int) (bool, bool) { return pid%works == w, true }
				err := usages[w].add(&d, &a, nil, who, false)
				assert.True(t, err == nil || errors.Is(err, errNothing), err)
			}
		}
		sum := uint64(0)
		for _, u := range usages {
			sum += u.mine
			assert.Equal(t, usages[0].all, u.all)
			assert.LessOrEqual(t, u.all, u.capacity)
		}
		if d.mig {
			assert.LessOrEqual(t, sum, usages[0].all) // empty slices are nobody's
		} else {
			assert.Equal(t, usages[0].all, sum)
		}
	}
}

func randomUsers(r *rand.Rand, at time.Time, instances int) userReport {
	a := userReport{at: at}
	for range r.IntN(6) {
		a.busy = append(a.busy, busy{1 + r.IntN(9), at.UnixMicro(), uint32(r.IntN(101))})
	}
	for range r.IntN(4) {
		a.pids = append(a.pids, 1+r.IntN(9))
	}
	for range instances {
		o := occupied{percent: uint32(r.IntN(101))}
		if r.IntN(2) == 0 {
			o.busyErr = errNobody
		}
		for range r.IntN(4) {
			o.pids = append(o.pids, 1+r.IntN(9))
		}
		a.slices = append(a.slices, o)
	}
	return a
}
