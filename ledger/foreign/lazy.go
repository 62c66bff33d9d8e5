package foreign

import (
	"regexp"
	"sync"
)

// lazy compiles a pattern when it is first used: together they take half a
// millisecond, which every command would pay at its start.
func lazy(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
