package nvml

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// four GPUs of two models, one of them cut in two.
func four() []device {
	return []device{
		{uuid: "GPU-aaaa1111-0000", name: "A100", bus: "00000000:81:00"},
		{uuid: "GPU-aaaa2222-0000", name: "A100", bus: "00000000:41:00"},
		{uuid: "GPU-bbbb3333-0000", name: "T4", bus: "00000000:01:00"},
		{uuid: "GPU-cccc4444-0000", name: "A100", bus: "00000000:c1:00", slices: []slice{{uuid: "MIG-1111"}, {uuid: "MIG-2222"}}},
	}
}

func TestCUDAVisibleDevices(t *testing.T) {
	all := []int{0, 1, 2, 3}
	for _, tt := range []struct {
		value string
		want  []int
		note  string
		mig   []string
	}{
		{"0,1,2,3", all, "", nil},
		{"3,2,1,0", all, "", nil},
		{"0", []int{2}, "", nil}, // by bus: 2, 1, 0, 3
		{"1,2", []int{0, 1}, "", nil},
		{" 1 , 2 ", []int{0, 1}, "", nil},
		{"0,9,1", []int{2}, "", nil},
		{"0,x,1", []int{2}, "", nil},
		{"0,-1,1", []int{2}, "", nil},
		{"1gpu,2", []int{0, 1}, "", nil},
		{"0,0", nil, "twice", nil},
		{"0,1,0", nil, "twice", nil},
		{"", nil, "no GPU", nil},
		{"-1", nil, "no GPU", nil},
		{"NoDevFiles", nil, "no GPU", nil},
		{"9", nil, "no GPU", nil},
		{"99999999999999999999", nil, "no GPU", nil},
		{"GPU-aaaa1111-0000", []int{0}, "", nil},
		{"GPU-b", []int{2}, "", nil},
		{"GPU-c,GPU-b", []int{2, 3}, "", nil},
		{"GPU-aaaa", nil, "no GPU", nil}, // begins two
		{"GPU-b,GPU-aaaa,GPU-c", []int{2}, "", nil},
		{"GPU-b,0", []int{2}, "", nil}, // a number among UUIDs is none
		{"0,GPU-b", []int{2}, "", nil},
		{"GPU-b,GPU-bbbb", nil, "twice", nil},
		{"MIG-1111", []int{3}, "", []string{"MIG-1111"}},
		{"MIG-1111,MIG-2222", []int{3}, "", []string{"MIG-1111", "MIG-2222"}},
		{"MIG-1111,MIG-1111", nil, "twice", nil},
		{"MIG-9999", nil, "no GPU", nil},
		{"MIG-GPU-cccc4444-0000/1/0", []int{3}, "", []string{"MIG-GPU-cccc4444-0000/1/0"}},
		{strings.Repeat("x", 200), nil, "…", nil},
	} {
		s := visible(environment("CUDA_VISIBLE_DEVICES", tt.value, "CUDA_DEVICE_ORDER", "PCI_BUS_ID"), four())
		assert.Equal(t, tt.want, s.index, tt.value)
		assert.Contains(t, s.note, tt.note, tt.value)
		for _, uuid := range tt.mig {
			assert.True(t, s.slices[uuid], tt.value)
		}
	}
	assert.Equal(t, all, visible(nil, four()).index)
	assert.Equal(t, all, visible(environment(), four()).index)
}

func TestFastestFirst(t *testing.T) {
	s := visible(environment("CUDA_VISIBLE_DEVICES", "0"), four())
	assert.Len(t, s.index, 4, "nobody knows which one that is")
	assert.Contains(t, s.note, "CUDA_DEVICE_ORDER=PCI_BUS_ID")

	s = visible(environment("CUDA_VISIBLE_DEVICES", "GPU-b"), four())
	assert.Equal(t, []int{2}, s.index, "a UUID is clear")
	assert.Empty(t, s.note)

	s = visible(environment("CUDA_VISIBLE_DEVICES", "0,1,2,3"), four())
	assert.Empty(t, s.note, "all of them are")

	same := four()[:2]
	s = visible(environment("CUDA_VISIBLE_DEVICES", "1"), same)
	assert.Equal(t, []int{1}, s.index, "GPUs of one model are in the driver's order")
	assert.Empty(t, s.note)
}

func TestNVIDIAVisibleDevices(t *testing.T) {
	all := []int{0, 1, 2, 3}
	for value, want := range map[string][]int{
		"all": all, "none": all, "void": all, "": all, // the runtime has done what they say
		"GPU-bbbb3333-0000":                   {2},
		"GPU-bbbb3333-0000,GPU-aaaa1111-0000": {2, 0},
		"1":                                   {1},
		"1,2":                                 {1, 2},
		"4,5,6,7":                             all, // numbers of the host, and new ones here
		"7":                                   all,
		"GPU-dddd":                            all,
		"MIG-1111":                            {3},
	} {
		assert.Equal(t, want, visible(environment("NVIDIA_VISIBLE_DEVICES", value), four()).index, value)
	}
	s := visible(environment("NVIDIA_VISIBLE_DEVICES", "1,3", "CUDA_VISIBLE_DEVICES", "1", "CUDA_DEVICE_ORDER", "PCI_BUS_ID"), four())
	assert.Equal(t, []int{3}, s.index, "CUDA counts what the container has")
}

func FuzzVisible(f *testing.F) {
	for _, s := range []string{"0", "GPU-a,GPU-b", "MIG-1111", "-1", "0,,1", "MIG-GPU-/"} {
		f.Add(s, "all", false)
		f.Add("0,1", s, true)
	}
	f.Fuzz(func(t *testing.T, cuda, nvidia string, bus bool) {
		order := "FASTEST_FIRST"
		if bus {
			order = "PCI_BUS_ID"
		}
		s := visible(environment("CUDA_VISIBLE_DEVICES", cuda, "NVIDIA_VISIBLE_DEVICES", nvidia, "CUDA_DEVICE_ORDER", order), four())
		seen := map[int]bool{}
		for _, i := range s.index {
			assert.True(t, i >= 0 && i < 4 && !seen[i])
			seen[i] = true
		}
		assert.True(t, len(s.index) > 0 || s.note != "", "hidden without a word")
	})
}
