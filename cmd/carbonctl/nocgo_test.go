//go:build !cgo || !linux || nonvml

package main

// hasNVML: this build can't load NVIDIA's library.
const hasNVML = false
