package main

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheNetworkLearns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	points := spiral(rng, 600)
	net := newNetwork(rng, 16)
	first, _ := net.epoch(rng, points, 0.05)
	var last, right float64
	for range 40 {
		last, right = net.epoch(rng, points, 0.05)
	}
	assert.Less(t, last, first/2)
	assert.Greater(t, right, 0.85)
}

func TestItRuns(t *testing.T) {
	assert.NoError(t, run("FR", 1))
	assert.ErrorContains(t, run("nowhere at all", 1), "unknown region")
}
