//go:build !cgo || !linux || nonvml

package nvml

// drivers gives the ways to ask for GPUs in this build, the best one first:
// without cgo, on other systems than Linux, or with the build tag nonvml, it is
// only the program that comes with the driver.
func drivers(o Options) []opener {
	return []opener{func() (library, error) { return openProgram(o.Program) }}
}
