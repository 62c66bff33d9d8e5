package carbon

import "runtime"

// panics counts the panics that unwind this goroutine. Deferred functions run on
// top of them, so that a deferred Stop sees that the work has failed; asking by
// recover would end the panic.
func panics() (n int) {
	pc := make([]uintptr, 128)
	got := runtime.Callers(2, pc)
	for got == len(pc) {
		pc = make([]uintptr, 2*len(pc))
		got = runtime.Callers(2, pc)
	}
	frames := runtime.CallersFrames(pc[:got])
	for {
		f, more := frames.Next()
		if f.Function == "runtime.gopanic" {
			n++
		}
		if !more {
			return n
		}
	}
}
