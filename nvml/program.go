package nvml

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// firstLines is how long nvidia-smi may take to show every GPU once. It loads
// the same library as we would, which takes seconds where no other program
// holds the driver.
const firstLines = 30 * time.Second

// program is the nvidia-smi that runs as long as the Meter is open and writes a
// line a second for each GPU.
type program struct {
	cmd *exec.Cmd

	mu   sync.Mutex
	now  map[string]row // by UUID
	list []string       // UUIDs in order
	err  error          // it has ended
}

// A row is one line that nvidia-smi has written.
type row struct {
	uuid, name, bus, driver string
	power, limit            energy.Power // limit is 0 if not known
	use                     used         // as long as useErr is nil
	useErr                  error
	err                     error // there is no power in it
	at                      time.Time
}

const columns = "uuid,name,pci.bus_id,driver_version,power.draw,power.max_limit,utilization.gpu,enforced.power.limit"

// openProgram starts nvidia-smi and waits until it has shown every GPU once.
func openProgram(path string) (library, error) {
	path, err := exec.LookPath(cmp.Or(path, "nvidia-smi"))
	if err != nil {
		return library{}, fmt.Errorf("%w: this build can't load the driver's library, and nvidia-smi was not found: %w", energy.ErrUnavailable, err)
	}
	p := &program{now: map[string]row{}}
	p.cmd = exec.Command(path, "--query-gpu="+columns, "--format=csv,noheader,nounits", "-lms", "1000")
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return library{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := p.cmd.Start(); err != nil {
		return library{}, fmt.Errorf("%s: %w", path, err)
	}
	shown, ended := make(chan struct{}), make(chan struct{})
	go func() {
		p.follow(out, shown)
		_ = p.cmd.Wait()
		close(ended)
	}()
	stop := func() {
		_ = p.cmd.Process.Kill()
		<-ended
	}
	timeout := time.NewTimer(firstLines)
	defer timeout.Stop()
	select {
	case <-shown:
	case <-timeout.C:
		stop()
		return library{}, fmt.Errorf("%s: shows nothing for %v", path, firstLines)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) == 0 {
		stop()
		return library{}, fmt.Errorf("%s: %w: %w", path, energy.ErrUnavailable, p.err)
	}
	l := library{source: "nvidia-smi", driver: p.now[p.list[0]].driver, close: stop}
	for _, uuid := range p.list {
		l.devices = append(l.devices, p.device(uuid))
	}
	return l, nil
}

// device is a GPU as nvidia-smi shows it.
func (p *program) device(uuid string) device {
	r := p.now[uuid]
	return device{
		uuid: uuid, name: r.name, bus: busOf(r.bus), limit: r.limit, every: time.Second,
		missing: []string{"its energy counter, and who uses it: nvidia-smi shows neither"},
		power: func() (uint64, time.Time, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			r := p.now[uuid]
			if p.err != nil {
				return 0, r.at, fmt.Errorf("nvidia-smi: %w: %w", ErrLost, p.err)
			}
			return uint64(r.power / energy.Milliwatt), r.at, r.err
		},
		use: func() (used, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.err != nil {
				return used{}, fmt.Errorf("nvidia-smi: %w: %w", ErrLost, p.err)
			}
			r := p.now[uuid]
			return used{r.use.percent, r.use.limit, r.at}, r.useErr
		},
	}
}

// follow reads lines until there are no more. It closes shown when the first GPU
// comes round again: then it has seen them all, once.
func (p *program) follow(out io.Reader, shown chan<- struct{}) {
	once := sync.OnceFunc(func() { close(shown) })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		r, err := parseRow(lines.Text())
		if err != nil {
			continue // a message among the lines
		}
		r.at = time.Now()
		p.mu.Lock()
		if _, seen := p.now[r.uuid]; seen {
			once()
		} else {
			p.list = append(p.list, r.uuid)
		}
		p.now[r.uuid] = r
		p.mu.Unlock()
	}
	p.mu.Lock()
	if p.err = lines.Err(); p.err == nil {
		p.err = errors.New("it has ended")
	}
	p.mu.Unlock()
	once()
}

// parseRow reads one line of nvidia-smi: see columns.
func parseRow(line string) (row, error) {
	cells := strings.Split(line, ",")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if len(cells) != 8 || !strings.HasPrefix(cells[0], "GPU-") {
		return row{}, fmt.Errorf("nvidia-smi: unexpected line %q", clip(line))
	}
	r := row{uuid: cells[0], name: cmp.Or(cells[1], anyGPU), bus: cells[2], driver: cells[3]}
	if r.power, r.err = parseWatts(cells[4]); r.err != nil {
		r.err = fmt.Errorf("nvidia-smi: %w: power.draw is %q", errUnsupported, clip(cells[4]))
	}
	r.limit, _ = parseWatts(cells[5])
	percent, err := strconv.ParseUint(cells[6], 10, 32)
	if err != nil {
		r.useErr = fmt.Errorf("nvidia-smi: %w: utilization.gpu is %q", errUnsupported, clip(cells[6]))
	}
	r.use.percent = uint32(percent)
	r.use.limit, _ = parseWatts(cells[7])
	return r, nil
}

// parseWatts reads a decimal number of watts, at least 0 and plausible for a
// computer.
func parseWatts(s string) (energy.Power, error) {
	w, err := strconv.ParseFloat(s, 64)
	if err == nil && !(w >= 0 && w < 1e6) { // NaN is neither
		err = ErrImplausible
	}
	if err != nil {
		return 0, err
	}
	return energy.Watts(w), nil
}
