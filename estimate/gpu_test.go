package estimate

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
)

func TestGPUIdlePart(t *testing.T) {
	for name, hbm := range map[string]bool{
		"NVIDIA A100-SXM4-80GB": true, "Tesla V100-PCIE-16GB": true, "Tesla P100-PCIE-16GB": true, "NVIDIA H100 80GB HBM3": true,
		"NVIDIA GH200 480GB": true, "NVIDIA TITAN V": true, "AMD Instinct MI300X": true, "Google TPU v4": true, "Intel Gaudi 2 OAM": true,
		"Quadro GP100": true, "AMD Radeon RX Vega 64": true,
		"NVIDIA GeForce RTX 4090": false, "NVIDIA A10": false, "NVIDIA L40S": false, "Tesla T4": false, "NVIDIA TITAN X (Pascal)": false,
		"NVIDIA RTX A6000": false, "Quadro P1000": false, "AMD Radeon Vega 8 Graphics": false, "": false,
	} {
		held, free := GPUIdleHeld, GPUIdle
		if hbm {
			held, free = GPUIdleHBM, GPUIdleHBM
		}
		assert.Equal(t, held, GPUIdlePart(name, true), name)
		assert.Equal(t, free, GPUIdlePart(name, false), name)
	}
}

func TestGPUPower(t *testing.T) {
	for _, limit := range []energy.Power{0, 15 * energy.Watt, 400 * energy.Watt, energy.Kilowatt} {
		for _, idle := range []float64{GPUIdle, GPUIdleHBM, GPUIdleHeld} {
			before := energy.Power(-1)
			for use := 0.0; use <= 1; use += 0.125 {
				low, mid, high := GPUPower(limit, use, idle)
				assert.True(t, low <= mid && mid <= high && high <= limit, "%v at %v", limit, use)
				assert.GreaterOrEqual(t, mid, before)
				before = mid
			}
			_, full, _ := GPUPower(limit, 1, idle)
			assert.InDelta(t, 0.65*limit.Watts(), full.Watts(), 1e-6)
			for _, odd := range []float64{-1, 2, math.Inf(1)} { // held to what can be
				_, mid, _ := GPUPower(limit, odd, idle)
				assert.LessOrEqual(t, mid, full)
			}
		}
	}
	// What nvidia-smi showed of idle and busy parts lies inside, up to one reading in ten.
	for _, tt := range []struct {
		idle, use, p10, p90 float64
	}{{GPUIdleHBM, 0, 0.10, 0.15}, {GPUIdle, 0, 0.04, 0.13}, {GPUIdleHeld, 0, 0.16, 0.43}, {GPUIdleHBM, 1, 0.22, 1}, {GPUIdleHBM, 0.5, 0.14, 0.78}} {
		low, _, high := GPUPower(1000*energy.Watt, tt.use, tt.idle)
		assert.LessOrEqual(t, low.Watts(), tt.p10*1000)
		assert.GreaterOrEqual(t, high.Watts(), tt.p90*1000)
	}
}
