//go:build cgo && linux && !nonvml

package main

// hasNVML: this build can load NVIDIA's library.
const hasNVML = true
