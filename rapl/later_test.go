package rapl

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// moody is a file system some of whose files cannot be opened, or not be read, for
// now.
type moody struct {
	fstest.MapFS
	shut, fail map[string]error
}

func (m moody) Open(name string) (fs.File, error) {
	if err := m.shut[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := m.MapFS.Open(name)
	if at, ok := f.(io.ReaderAt); ok {
		return moodyFile{f, at, m.fail, name}, nil
	}
	return f, err
}

type moodyFile struct {
	fs.File
	at   io.ReaderAt
	fail map[string]error
	name string
}

func (f moodyFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.fail[f.name]; err != nil {
		return 0, err
	}
	return f.at.ReadAt(b, off)
}

func newMoody(names ...string) moody {
	m := moody{fstest.MapFS{}, map[string]error{}, map[string]error{}}
	for i, name := range names {
		d := fmt.Sprintf("%s/intel-rapl:%x/", classDir, i)
		m.MapFS[d+"name"] = &fstest.MapFile{Data: []byte(name + "\n")}
		m.MapFS[d+"energy_uj"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%d\n", 5e9+i*1e9)}
		m.MapFS[d+"max_energy_range_uj"] = &fstest.MapFile{Data: []byte("262143328850\n")}
	}
	return m
}

const (
	zone0 = classDir + "/intel-rapl:0/energy_uj"
	zone1 = classDir + "/intel-rapl:1/energy_uj"
)

// What fails for a moment when it is opened is read as soon as it can be; what is
// closed to us, or no counter, is not asked again.
func TestOpenedLater(t *testing.T) {
	for _, tt := range []struct {
		err   error
		read  bool // opening goes well, and reading fails
		later bool
	}{
		{syscall.EIO, true, true}, {syscall.EIO, false, true}, {syscall.EBUSY, false, true}, {fs.ErrNotExist, false, true},
		{syscall.ENODEV, true, true}, {syscall.EAGAIN, true, true},
		{fs.ErrPermission, false, false}, {syscall.ENODATA, true, false}, {syscall.EINVAL, true, false},
	} {
		t.Run(fmt.Sprintf("%v, reading: %v", tt.err, tt.read), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMoody("package-0", "package-1")
				failing := m.shut
				if tt.read {
					failing = m.fail
				}
				failing[zone1] = tt.err
				meter, err := Open(m)
				require.ErrorIs(t, err, tt.err)
				require.NotNil(t, meter)
				ids := []string{}
				for _, c := range meter.Components() {
					ids = append(ids, c.ID)
				}
				assert.Equal(t, "package-0 package-1", strings.Join(ids, " "), "both have a counter")
				assert.Positive(t, meter.KeepAlive())
				list, err := meter.Read(t.Context(), nil)
				if !tt.later {
					assert.NoError(t, err)
					assert.Len(t, list, 1)
					return
				}
				require.Len(t, list, 2)
				assert.ErrorIs(t, err, tt.err)
				assert.NotErrorIs(t, err, ErrLost, "it never was there")
				assert.Equal(t, energy.Lost, list[1].State)
				assert.Equal(t, "package-1", list[1].Component.ID)
				assert.Zero(t, list[1].Total)
				assert.Positive(t, list[1].MaxPower)
				component := list[1].Component

				time.Sleep(time.Second)
				delete(failing, zone1)
				list, err = meter.Read(t.Context(), nil)
				require.NoError(t, err)
				assert.Equal(t, energy.OK, list[1].State)
				assert.Equal(t, component, list[1].Component)
				time.Sleep(time.Second)
				m.MapFS[zone1].Data = []byte("6040000000\n")
				list, err = meter.Read(t.Context(), nil)
				require.NoError(t, err)
				assert.Equal(t, 40*energy.Joule, list[1].Total)
				assert.Zero(t, list[1].Missed)
				assert.Zero(t, list[1].Gaps+list[1].Resets)
				require.NoError(t, meter.Close())
			})
		})
	}
}

// One that is gone for good is looked for ever less often.
func TestLookedForLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody("package-0", "package-1")
		opened := 0
		meter, err := Open(counted{m, &opened})
		require.NoError(t, err)
		_, err = meter.Read(t.Context(), nil)
		require.NoError(t, err)
		for _, tt := range []struct {
			d           time.Duration
			least, most int // looks
		}{{4 * time.Second, 3, 5}, {time.Minute, 8, 14}, {time.Hour, 115, 125}} {
			m.fail[zone1], m.shut[zone1] = syscall.ENODEV, fs.ErrNotExist
			opened = 0
			for begun := time.Now(); time.Since(begun) < tt.d; time.Sleep(time.Second) {
				_, err := meter.Read(t.Context(), nil)
				assert.ErrorIs(t, err, ErrLost)
			}
			assert.GreaterOrEqual(t, opened, tt.least, "in %v", tt.d)
			assert.LessOrEqual(t, opened, tt.most, "in %v", tt.d)
		}
		clear(m.fail)
		clear(m.shut)
		time.Sleep(30 * time.Second)
		_, err = meter.Read(t.Context(), nil)
		assert.NoError(t, err)
	})
}

// counted counts how often the second zone's counter is opened.
type counted struct {
	moody
	n *int
}

func (c counted) Open(name string) (fs.File, error) {
	if name == zone1 {
		*c.n++
	}
	return c.moody.Open(name)
}

// In the moment between opening and the first reading it may be over already.
func TestOpenedAtTheFirstRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody("package-0")
		m.fail[zone0] = syscall.EIO
		meter, err := Open(m)
		assert.ErrorIs(t, err, syscall.EIO)
		require.NotNil(t, meter)
		delete(m.fail, zone0)
		list, err := meter.Read(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, energy.OK, list[0].State)
		assert.EqualValues(t, 262143328911, list[0].Range)
	})
}

// A die that could not be compared with the others is not counted beside them: it
// may show their counter. It stays lost, and says why.
func TestADieThatCannotBeCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody("package-0-die-0", "package-0-die-1")
		m.fail[zone1] = syscall.EIO
		meter, err := Open(m)
		assert.ErrorIs(t, err, syscall.EIO)
		clear(m.fail)
		for range 3 {
			list, err := meter.Read(t.Context(), nil)
			require.Len(t, list, 2)
			assert.Equal(t, energy.OK, list[0].State)
			assert.Equal(t, energy.Lost, list[1].State)
			assert.ErrorContains(t, err, "not compared with the other dies of its package")
			m.MapFS[zone0].Data = append([]byte("1"), m.MapFS[zone0].Data...)[1:]
			time.Sleep(5 * time.Millisecond)
		}
	})
}

// Dies that only repeat their package's counter are no components of their own
// when they are closed, and those that may be real ones are.
func TestClosedDies(t *testing.T) {
	for vendor, want := range map[string]string{
		"GenuineIntel": "package-0-die-0 package-0-die-1", "AuthenticAMD": "package-0-die-0",
	} {
		m := newMoody("package-0-die-0", "package-0-die-1")
		m.MapFS["proc/cpuinfo"] = &fstest.MapFile{Data: []byte("vendor_id : " + vendor + "\n")}
		m.shut[zone1] = fs.ErrPermission
		meter, err := Open(m)
		assert.ErrorIs(t, err, fs.ErrPermission)
		ids := []string{}
		for _, c := range meter.Components() {
			ids = append(ids, c.ID)
		}
		assert.Equal(t, want, strings.Join(ids, " "), vendor)
	}
	assert.Empty(t, (*Meter)(nil).Components())
}
