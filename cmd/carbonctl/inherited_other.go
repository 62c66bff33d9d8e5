//go:build !unix

package main

// inherited is for systems where a program is started with three descriptors.
func inherited(fd int) bool { return fd == 1 || fd == 2 }
