package watch

import "time"

// notifyAfter is how old a run is before the kernel is asked to tell: to give an
// inotify back takes it 5 to 20 ms (it waits until nobody can still hold its watches),
// which a short command must not pay.
const notifyAfter = time.Second

// watched reports whether the kernel tells of changes.
func (e *Events) watched() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.notify != nil
}

// watch asks the kernel to tell of the file.
func (e *Events) watch() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.notify = openNotify(e.Path) // nil where it is refused
	}
}

// unwatch ends that, and reports whether the kernel did tell.
func (e *Events) unwatch() bool {
	e.mu.Lock()
	n := e.notify
	e.notify = nil
	e.mu.Unlock()
	if n != nil {
		n.close()
	}
	return n != nil
}
