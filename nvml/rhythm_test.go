package nvml

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A listener looks at a counter as the goroutine of a GPU does, which is woken late
// by up to so much, and besides now and then.
type listener struct {
	r     *rand.Rand
	ticks ticks
	late  time.Duration // waking up
	call  time.Duration // of the driver, at the most
	when  func(time.Time) time.Time

	now          time.Time
	last         time.Time
	looks, wrong int
	wide         time.Duration // the sum of what was left open, at looks that were not asked for
	others       int
}

func (l *listener) look(asked bool) {
	before := l.now
	read := before.Add(l.upTo(l.call))
	l.now = read.Add(l.upTo(l.call))
	tick := l.when(read)
	least, most := l.ticks.observe(!tick.Equal(l.last) && !l.last.IsZero(), time.Time{}, before, l.now)
	l.last = tick
	l.looks++
	if age := l.now.Sub(tick); age < least || age > most {
		l.wrong++
	}
	if !asked {
		l.wide += most - least
		l.others++
	}
}

func (l *listener) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(l.r.Int64N(int64(d)))
}

// run goes on for some time, with a reading each so often.
func (l *listener) run(length, every time.Duration) {
	for end, next := l.now.Add(length), l.now.Add(every); l.now.Before(end); {
		if d := l.ticks.wants(l.now); d > 0 && l.now.Add(d).Before(next) {
			l.now = l.now.Add(d + l.upTo(l.late))
			l.look(true)
			continue
		}
		if at := next.Add(l.upTo(l.late)); at.After(l.now) {
			l.now = at
		}
		l.look(false)
		next = next.Add(every)
		for range 5 { // as clear does
			if l.ticks.vague {
				l.now = l.now.Add(2*finest + l.upTo(l.late))
				l.look(true)
			}
		}
	}
}

func regular(period time.Duration) func(time.Time) time.Time {
	return func(at time.Time) time.Time { return at.Truncate(period) }
}

func listen(when func(time.Time) time.Time) *listener {
	return &listener{r: rand.New(rand.NewPCG(3, 5)), when: when, now: time.Unix(1000, 0), call: 40 * time.Microsecond}
}

// An hour of readings once a second: the ticks are known to some milliseconds
// throughout, for few looks.
func TestARhythmIsKept(t *testing.T) {
	for _, period := range []time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 100*time.Millisecond + 7*time.Microsecond} {
		l := listen(regular(period))
		l.run(time.Hour, 987*time.Millisecond)
		assert.Zero(t, l.wrong, period)
		assert.Zero(t, l.ticks.lost, period)
		assert.Less(t, l.wide/time.Duration(l.others), period/6, period)
		assert.Less(t, l.looks-l.others, 3600*3, "three looks a second")
	}
}

// A busy machine wakes the goroutine late, and a driver may be slow: less is known
// then, and nothing that is wrong.
func TestABusyMachineLosesNoBeat(t *testing.T) {
	for _, late := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 80 * time.Millisecond, 300 * time.Millisecond} {
		for _, call := range []time.Duration{0, 900 * time.Microsecond} {
			l := listen(regular(100 * time.Millisecond))
			l.late, l.call = late, call
			l.run(10*time.Minute, 700*time.Millisecond)
			assert.Zero(t, l.wrong, "%v, %v", late, call)
			assert.Less(t, l.looks-l.others, 600*20, "%v, %v", late, call)
		}
	}
}

// A GPU whose ticks change their distance is heard to, and learnt anew later.
func TestARhythmThatChanges(t *testing.T) {
	for _, to := range []time.Duration{60, 93, 99, 101, 107} {
		from := time.Unix(1000, 0).Add(2 * time.Minute)
		l := listen(func(at time.Time) time.Time {
			if at.Before(from) {
				return at.Truncate(100 * time.Millisecond)
			}
			return from.Add(at.Sub(from).Truncate(to * time.Millisecond))
		})
		l.run(2*time.Minute, time.Second)
		assert.Zero(t, l.wrong, to)
		l.run(3*lookOutEvery, time.Second)
		l.wrong = 0
		l.run(5*time.Minute, time.Second)
		assert.LessOrEqual(t, l.wrong, 5*60/20, to) // a look-out may find another tick by chance
		assert.True(t, l.ticks.rhythm.steady, to)
	}
}

// A program that was stopped for long learns it anew, and does not look for ever.
func TestAProgramThatWasStopped(t *testing.T) {
	l := listen(regular(100 * time.Millisecond))
	l.run(time.Minute, time.Second)
	for range 20 {
		l.now = l.now.Add(time.Duration(l.r.Int64N(int64(24 * time.Hour))))
		looks := l.looks
		l.run(time.Minute, time.Second)
		assert.Less(t, l.looks-looks, 60+400)
		assert.True(t, l.ticks.rhythm.steady)
	}
	assert.Zero(t, l.wrong)
}

// Ticks without any rhythm are not foretold, and not listened to all the time.
func TestTicksWithoutARhythm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var at []time.Time
	for x := time.Unix(900, 0); x.Before(time.Unix(1000+3700, 0)); {
		at = append(at, x)
		x = x.Add(20*time.Millisecond + time.Duration(r.Int64N(int64(80*time.Millisecond))))
	}
	i := 0
	l := listen(func(now time.Time) time.Time {
		for at[i+1].Before(now) {
			i++
		}
		return at[i]
	})
	l.run(time.Hour, time.Second)
	assert.LessOrEqual(t, l.wrong, 3600/20)
	assert.Less(t, l.looks-l.others, 3600*2)
}

// A GPU that was lost, or whose counter begins again, may tick at other times then.
func TestAGPUThatBeginsAgainHasAnotherRhythm(t *testing.T) {
	for _, lost := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := &card{load: steady(300), tick: 100 * time.Millisecond}
			m := openCards(t, c)
			defer m.Close()
			read(t, m)
			for range 20 {
				time.Sleep(time.Second)
				read(t, m)
			}
			c.set(func(c *card) {
				c.phase, c.base = 37*time.Millisecond, -int64(c.load.used(c.clock())*1000)
				if lost {
					c.err = fault{"any", "GPU is lost", 15}
				}
			})
			if lost {
				_, _ = m.Read(t.Context(), nil)
				time.Sleep(retryEvery)
				c.set(func(c *card) { c.err = nil })
			}
			last := read(t, m)[0]
			for range 20 {
				time.Sleep(530 * time.Millisecond)
				now := read(t, m)[0]
				assert.InDelta(t, c.usedBy(now)-c.usedBy(last), (now.Total - last.Total).Joules(), (now.Edge + last.Edge - now.Common - last.Common).Joules())
				last = now
			}
		})
	}
}
