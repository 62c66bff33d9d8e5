package exposition

import (
	"strings"
	"sync"
)

// A Hold keeps counters from falling. Who reads them takes any fall for a restart, and
// counts all of the value again; but an account may correct itself by a little, as where
// a model is scaled by a counter that comes late. Its value then stays until the account
// is above it again. The zero Hold is ready, and safe for concurrent use.
type Hold struct {
	mu   sync.Mutex
	of   string
	most map[string]float64
}

// Apply holds the counters of families, in place. of names what counts: with another
// one all begins anew. A counter that is gone stays gone.
func (h *Hold) Apply(of string, families []Family) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.most == nil || of != h.of {
		h.of, h.most = of, map[string]float64{}
	}
	for _, f := range families {
		if f.Kind != Counter {
			continue
		}
		for i, s := range f.Samples {
			key := key(f.Name, s.Labels)
			if most, ok := h.most[key]; ok && most > s.Value {
				f.Samples[i].Value = most
			} else {
				h.most[key] = s.Value
			}
		}
	}
}

func key(name string, labels []Label) string {
	var b strings.Builder
	b.WriteString(name)
	for _, l := range labels {
		b.WriteString("\x00" + l.Name + "\x01" + l.Value)
	}
	return b.String()
}
