package estimate

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindInstance(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   string
		vcpus  int
		gib    float64
		cpu    string
		full   float64 // W of its CPU part
		gpus   int
		gpu    string
		bare   bool
		exists bool // its GPUs are known
	}{
		{"aws:c7i.4xlarge", "aws:c7i.4xlarge", 16, 32, "Intel Sapphire Rapids", 16 * 350.0 / 112, 0, "", false, true},
		{"c5.large", "aws:c5.large", 2, 4, "Intel Xeon Platinum 8124M", 2 * 236.0 / 36, 0, "", false, true},
		{"m7a.large", "aws:m7a.large", 2, 8, "AMD EPYC 9R14", 4 * 322.0 / 192, 0, "", false, true},
		{"p4d.24xlarge", "aws:p4d.24xlarge", 96, 1152, "Intel Xeon Platinum 8275CL", 471.9, 8, "A100 SXM 40GB", false, true},
		{"Standard_NC4as_T4_v3", "azure:nc4as t4 v3", 4, 28, "unknown CPU", 14, 1, "Tesla T4", false, true},
		{"gcp:n2d-highcpu-96", "gcp:n2d-highcpu-96", 96, 96, "AMD EPYC Rome", 96 * 1.393, 0, "", false, true},
		{"t2d-standard-4", "gcp:t2d-standard-4", 4, 16, "AMD EPYC Milan", 8 * 235.0 / 128, 0, "", false, true},
		{"AWS:I3.METAL", "aws:i3.metal", 72, 512, "Intel Xeon E5-2686 v4", 250, 0, "", true, true},
		{"p2.xlarge", "aws:p2.xlarge", 4, 61, "Intel Xeon E5-2686 v4", 13.89, 0, "", false, false},
		{"azure:nc6", "azure:nc6", 6, 56, "unknown CPU", 21, 0, "", false, false},
		{"p6-b200.48xlarge", "aws:p6-b200.48xlarge", 192, 2048, "", 0, 0, "", false, false},
	} {
		in, err := FindInstance(c.name)
		if c.exists {
			require.NoError(t, err, c.name)
		} else {
			require.ErrorIs(t, err, ErrUnknownGPUs, c.name)
		}
		assert.Equal(t, c.want, in.Name)
		assert.Equal(t, c.vcpus, in.VCPUs, c.name)
		assert.Equal(t, c.gib, in.MemoryGiB, c.name)
		assert.Equal(t, c.gpus, in.GPUs, c.name)
		assert.Equal(t, c.gpu, in.GPU, c.name)
		assert.Equal(t, c.bare, !in.Model.Virtual, c.name)
		if c.cpu != "" {
			assert.Equal(t, c.cpu, in.Model.Name, c.name)
			assert.InEpsilon(t, c.full, in.Model.Max.Watts(), 0.01, c.name)
		}
	}
	for name, want := range map[string]string{
		"ml.p4d.24xlarge": "aws:p4d.24xlarge", "sagemaker/ml.c5.large": "", "aws/c7i.4xlarge": "aws:c7i.4xlarge", "AWS c7i.4xlarge": "aws:c7i.4xlarge",
		"Amazon: c7i.4xlarge": "aws:c7i.4xlarge", "ec2:c7i.4xlarge": "aws:c7i.4xlarge", "azure/Standard_D4s_v4": "azure:d4s v4", "Standard_D4s_v4": "azure:d4s v4",
		"d4s  v4": "azure:d4s v4", "google/n2-standard-8": "gcp:n2-standard-8", "n2-standard-8": "gcp:n2-standard-8", "aws:n2-standard-8": "",
		"projects/1/machineTypes/n2-standard-8": "gcp:n2-standard-8", "db.r5.large": "aws:db.r5.large",
	} {
		in, err := FindInstance(name)
		if assert.Equal(t, want, in.Name, name); want == "" {
			assert.ErrorIs(t, err, ErrUnknownInstance, name)
		}
	}
	for _, no := range []string{"", "c99.large", "gcp:c5.large", ":", "provider:type"} {
		_, err := FindInstance(no)
		assert.ErrorIs(t, err, ErrUnknownInstance, no)
	}
}

// Every type can be found by its full name, has CPUs and memory, and draws something.
func TestInstances(t *testing.T) {
	all := slices.Collect(Instances())
	require.Greater(t, len(all), 2000)
	assert.True(t, slices.IsSorted(all))
	unknown := 0
	for _, name := range all {
		row := instanceRow(t, name)
		in, err := parseInstance(row)
		if err != nil {
			require.ErrorIs(t, err, ErrUnknownGPUs, name)
			unknown++
		}
		assert.Equal(t, name, in.Name)
		assert.Positive(t, in.VCPUs, name)
		assert.Positive(t, in.MemoryGiB, name)
		assert.GreaterOrEqual(t, in.EmbodiedKg, 0.0, name)
		assert.Equal(t, in.GPUs > 0, in.GPU != "", name)
		assert.Less(t, in.Model.Idle, in.Model.Max, name)
		per := in.Model.Max.Watts() / float64(in.VCPUs)
		assert.True(t, per > 0.5 && per < 25, "%s: %.1f W a vCPU", name, per)
		for _, n := range in.Model.Notes {
			assert.NotContains(t, []string{"cpu-part", "vcpu-thread"}, n.Code, name)
		}
	}
	assert.Less(t, unknown, 120)
	short := map[string]bool{}
	for _, name := range all {
		_, kind, _ := strings.Cut(name, ":")
		assert.False(t, short[kind], "%s: two providers have it", kind)
		short[kind] = true
	}
}

func instanceRow(t *testing.T, name string) []string {
	provider, kind, _ := strings.Cut(name, ":")
	_, rest, ok := strings.Cut(instances, "\n"+provider+","+kind+",")
	require.True(t, ok, name)
	line, _, _ := strings.Cut(rest, "\n")
	return append([]string{provider, kind}, strings.Split(line, ",")...)
}

func FuzzInstance(f *testing.F) {
	f.Add("aws:c7i.4xlarge")
	f.Add("Standard_NC4as_T4_v3")
	f.Fuzz(func(t *testing.T, name string) {
		in, err := FindInstance(name)
		if err == nil && (in.Name == "" || in.VCPUs <= 0) {
			t.Fatalf("%q: %+v", name, in)
		}
	})
}
