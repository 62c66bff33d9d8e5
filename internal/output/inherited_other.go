//go:build !unix

package output

// Inherited is for systems where a program is started with three descriptors.
func Inherited(fd int) bool { return fd == 1 || fd == 2 }
