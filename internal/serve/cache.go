package serve

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Bounds on what is made at once, and kept.
const (
	maxMaking   = 2
	maxRendered = 64
	maxKept     = 16 << 20 // bytes of what is rendered
	makeTime    = 20 * time.Second
)

// A rendering is an answer as it is sent, made of one state.
type rendering struct {
	of   string // the state
	body []byte
	kind string
	err  error
	done chan struct{}
	used uint64
}

// renderings keeps answers by what was asked: whoever asks for the same at the same time
// waits for one that is made once. The zero value is empty.
type renderings struct {
	mu     sync.Mutex
	all    map[string]*rendering
	clock  uint64
	making chan struct{}
}

func newRenderings() *renderings {
	return &renderings{all: map[string]*rendering{}, making: make(chan struct{}, maxMaking)}
}

// get gives the answer to key of a state, and makes it where there is none. Whoever waits is
// not kept by ctx from leaving, nor the one that makes it.
func (c *renderings) get(ctx context.Context, key, of string, render func(context.Context) (body []byte, kind string, err error)) (*rendering, error) {
	c.mu.Lock()
	c.clock++
	r := c.all[key]
	if r == nil || r.of != of {
		r = &rendering{of: of, done: make(chan struct{})}
		c.all[key] = r
		c.trim(r)
		go c.render(context.WithoutCancel(ctx), key, r, render)
	}
	r.used = c.clock
	c.mu.Unlock()
	select {
	case <-r.done:
		return r, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *renderings) render(ctx context.Context, key string, r *rendering, render func(context.Context) ([]byte, string, error)) {
	ctx, cancel := context.WithTimeout(ctx, makeTime)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			r.err = fmt.Errorf("internal fault: %v", fault) // one page, not the server
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.err != nil && c.all[key] == r {
			delete(c.all, key) // whoever asks again tries again
		}
		close(r.done)
	}()
	select {
	case c.making <- struct{}{}:
		defer func() { <-c.making }()
	case <-ctx.Done():
		r.err = ctx.Err()
		return
	}
	r.body, r.kind, r.err = render(ctx)
}

// trim drops what was not asked for the longest, but not the newest.
func (c *renderings) trim(newest *rendering) {
	for {
		size, oldest := 0, ""
		for key, r := range c.all {
			select {
			case <-r.done:
				size += len(r.body)
			default:
				continue // it is being made
			}
			if r != newest && (oldest == "" || r.used < c.all[oldest].used) {
				oldest = key
			}
		}
		if oldest == "" || len(c.all) <= maxRendered && size <= maxKept {
			return
		}
		delete(c.all, oldest)
	}
}
