package foreign

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

func fixedGrid(g regions.Grams) func(string, time.Time) (regions.Intensity, error) {
	return func(string, time.Time) (regions.Intensity, error) { return regions.Intensity{PerKWh: g}, nil }
}

// What GreenAlgorithms4HPC gives for the same log: its vectors.
func TestSacctAsGreenAlgorithms(t *testing.T) {
	b, err := os.ReadFile("../../plan/testdata/vectors.json")
	require.NoError(t, err)
	var vectors []struct {
		ID, Kind string
		Input    struct {
			Log     string `json:"sacct_log"`
			Cluster struct {
				CPU, GPU struct {
					TDP float64
					Own float64 `json:"TDP_CPU"`
				}
				PUE, CI float64
				Step    float64 `json:"granularity_memory_request"`
			}
			Filters struct{ FilterJobIDs string }
		}
		Expect    map[string]float64
		Tolerance float64 `json:"tolerance_rel"`
	}
	_ = json.Unmarshal(b, &vectors) // those of other kinds have other forms
	n := 0
	for _, v := range vectors {
		if v.Kind != "slurm" {
			continue
		}
		n++
		t.Run(v.ID, func(t *testing.T) {
			in := v.Input.Cluster
			cluster := plan.Cluster{PUE: in.PUE, MemoryStep: in.Step, Partitions: map[string]plan.Partition{
				"cpu": {WattsPerCore: in.CPU.TDP}, "gpu": {WattsPerCore: in.GPU.Own, GPUWatts: in.GPU.TDP},
			}}
			got := map[string]float64{}
			skipped := 0
			rows := rowsOf(t, v.Input.Log, Options{Cluster: cluster, Method: plan.GreenAlgorithms, Grid: fixedGrid(regions.Grams(in.CI)), Skipped: func(string) { skipped++ }})
			assert.Equal(t, 1, skipped, "the job that runs")
			for _, row := range rows {
				if f := v.Input.Filters.FilterJobIDs; f != "" && row.JobID != f {
					continue
				}
				d := originOf(t, row).Slurm
				got["n_jobs"]++
				if row.Status == footprint.Completed {
					got["n_success"]++
				} else {
					got["carbonFootprint_failedJobs"] += float64(row.Emissions)
				}
				got["energy"] += row.Energy.KilowattHours() * in.PUE
				got["energy_CPUs"] += row.CPU.KilowattHours()
				got["energy_memory"] += row.Memory.KilowattHours()
				if row.GPU != nil {
					got["energy_GPUs"] += row.GPU.KilowattHours()
					got["gpuTime"] += d.GPUs * float64(row.DurationS) / 3600
				}
				got["carbonFootprint"] += float64(row.Emissions)
				got["carbonFootprint_memoryNeededOnly"] += float64(row.Emissions) - d.Unneeded.KilowattHours()*in.PUE*in.CI
			}
			require.NotEmpty(t, got)
			compared := 0
			for key, want := range v.Expect {
				if x, ok := got[key]; ok || want == 0 {
					compared++
					assert.InDelta(t, want, x, want*v.Tolerance+1e-12, key)
				}
			}
			assert.GreaterOrEqual(t, compared, 8)
		})
	}
	assert.Equal(t, 2, n)
}

// A node's log as people have it: a step, a cancelled job that never began, an array that
// waits.
const slurmLog = `JobID|JobName|User|Partition|State|ElapsedRaw|NCPUS|TotalCPU|ReqMem|MaxRSS|AllocTRES|ConsumedEnergyRaw
1001|train|u1|gpu|COMPLETED|3600|8|07:30:00|32G||billing=8,cpu=8,gres/gpu=1,mem=32G,node=1|1500000
1001.batch|batch||||3600|8|07:30:00||12000M|cpu=8,mem=32G,node=1|1490000
1002|old|u1|cpu|CANCELLED by 500|0|0|00:00:00|0n|||
1003_[1-10]|arr|u2|cpu|PENDING|0|4|00:00:00|4Gc|||
`

func TestSacct(t *testing.T) {
	skipped := map[string]int{}
	o := Options{Grid: fixedGrid(100), Skipped: func(why string) { skipped[why]++ }}
	rows := rowsOf(t, slurmLog, o)
	require.Len(t, rows, 1)
	assert.Equal(t, map[string]int{"never started": 1, "not yet ended": 1}, skipped)
	r := rows[0]
	assert.Equal(t, "1001", r.JobID)
	assert.Equal(t, "u1", r.User)
	assert.Equal(t, `{"partition":"gpu"}`, r.Labels)
	assert.Equal(t, footprint.ChargeProcess, r.Charge)
	assert.Equal(t, r.Energy, *r.ProcessEnergy)
	assert.Empty(t, r.Machine)
	assert.Less(t, *r.EnergyLow, r.Energy)
	assert.Less(t, r.Energy, *r.EnergyHigh)
	assert.Equal(t, runs.Number(3600), r.DurationS)
	d := originOf(t, r)
	assert.Equal(t, 7.5, d.Slurm.CPUHours)
	assert.InDelta(t, 32*1.073741824, d.Slurm.Requested, 1e-9, "binary")
	assert.InDelta(t, 12000*1.048576e-3, d.Slurm.Needed, 1e-9)
	notes := strings.Join(d.Notes, "\n")
	assert.Contains(t, notes, "no CPU known")
	assert.Contains(t, notes, "GPU is not known")
	assert.Contains(t, notes, "SLURM measured is that of whole nodes")
	assert.NotEqual(t, 1500000.0, r.Energy.Joules(), "the node's energy is not the job's")

	o.Cluster.Partitions = map[string]plan.Partition{"gpu": {CPU: "Xeon Gold 6248", GPU: "A100", NodeCPUs: 8}}
	r = rowsOf(t, slurmLog, o)[0]
	assert.Equal(t, 1500000.0, r.Energy.Joules(), "alone on its node")
	assert.Equal(t, runs.Number(1), *r.MeasuredShare)
	assert.Nil(t, r.EnergyLow)
	o.Cluster.Partitions["gpu"] = plan.Partition{CPU: "Xeon Gold 6248", GPU: "A100", NodeCPUs: 40}
	assert.NotEqual(t, 1500000.0, rowsOf(t, slurmLog, o)[0].Energy.Joules(), "8 of 40 CPUs")
}

// The same jobs in other forms, which sites and versions write.
func TestSacctForms(t *testing.T) {
	const header = "JobID|JobName|User|Account|Partition|State|Start|End|Elapsed|NNodes|NCPUS|NTasks|TotalCPU|ReqMem|MaxRSS|AllocTRES\n"
	log := func(lines ...string) string { return header + strings.Join(lines, "\n") + "\n" }
	one := "7|a|u|acc|cpu|COMPLETED|2026-03-01T10:00:00|2026-03-01T12:00:00|02:00:00|2|8||04:00:00|4Gc||billing=8,cpu=8,mem=32G,node=2"
	o := Options{Grid: fixedGrid(100)}
	want := rowsOf(t, log(one), o)[0]
	assert.Equal(t, "acc", want.Project)
	assert.Equal(t, `{"account":"acc","partition":"cpu"}`, want.Labels)
	assert.Equal(t, time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), want.StartedAt.Time)
	for name, text := range map[string]string{
		"steps":      log(one, "7.batch|batch||acc||COMPLETED|2026-03-01T10:00:00|2026-03-01T12:00:00|02:00:00|1|4|1|02:00:00|||cpu=4", "7.0|x||acc||COMPLETED|||01:00:00|2|8|2|01:00:00|||"),
		"again":      log(one, one),
		"comma":      strings.ReplaceAll(log(one), "04:00:00|4Gc", "04:00:00,000|4,0Gc"),
		"days":       strings.ReplaceAll(log(one), "|02:00:00|", "|0-02:00:00|"),
		"a node":     strings.ReplaceAll(log(one), "4Gc", "16Gn"),
		"from TRES":  strings.ReplaceAll(log(one), "4Gc", "0n"),
		"a trailing": strings.ReplaceAll(log(one), "\n", "|\n"),
		"CRLF":       strings.ReplaceAll(log(one), "\n", "\r\n"),
		"a bar":      strings.ReplaceAll(log(one), "|a|", "|a|b|"),
		"short":      strings.ReplaceAll(log(one), "COMPLETED", "CD"),
		"semicolons": strings.ReplaceAll(log(one), "|", ";"),
		"a tab":      strings.ReplaceAll(log(one), "|", "\t"),
		"two marks":  strings.ReplaceAll(log(one), "|", "^^"),
		"two files":  log(one) + log(one),
		"no elapsed": strings.ReplaceAll(log(one), "|02:00:00|", "|INVALID|"),
		"no CPUs":    strings.ReplaceAll(log(one), "|2|8|", "|2|0|"),
		"a question": strings.ReplaceAll(log(one), "4Gc||", "16Gn|0?|"),
		"step first": log("7.batch|batch||acc||COMPLETED|||01:00:00|1|4||01:00:00|||", one),
	} {
		rows := rowsOf(t, text, o)
		require.Len(t, rows, 1, name)
		assert.Equal(t, want.Energy, rows[0].Energy, name)
		assert.Equal(t, want.RunID, rows[0].RunID, name)
	}
	odd := rowsOf(t, strings.ReplaceAll(log(one), "2026-03-01T10:00:00", "Ystday 10:00"), o)[0]
	assert.Equal(t, want.Energy, odd.Energy, "a time that is not read loses no job")
	assert.True(t, odd.StartedAt.IsZero())
	assert.Contains(t, originOf(t, odd).Unknown, "started_at")
	requeued := log(one, strings.ReplaceAll(one, "2026-03-01", "2026-03-02"))
	assert.Len(t, rowsOf(t, requeued, o), 2, "queued again it ran again")
	assert.Len(t, rowsOf(t, requeued+requeued, o), 2)
	for state, count := range map[string]int{"REQUEUED": 2, "RQ": 2, "RESIZING": 2, "PENDING": 1} {
		rows := rowsOf(t, log(strings.ReplaceAll(one, "COMPLETED", state), strings.ReplaceAll(one, "2026-03-01", "2026-03-02")), o)
		if assert.Len(t, rows, count, state); count == 2 {
			assert.Equal(t, footprint.Interrupted, rows[0].Status, state)
			assert.Equal(t, want.Energy, rows[0].Energy, "what it used before it was queued again")
		}
	}
	assert.Empty(t, rowsOf(t, log(strings.ReplaceAll(strings.ReplaceAll(one, "COMPLETED", "REQUEUED"), "2026-03-01T12:00:00", "Unknown")), o))
	noTRES := rowsOf(t, strings.ReplaceAll(log(one), "|8||04:00:00|4Gc||billing=8,cpu=8,mem=32G,node=2", "|0||04:00:00|1G||"), o)
	assert.Positive(t, noTRES[0].CPU.Joules(), "what was busy was there")
	het := rowsOf(t, log(strings.Replace(one, "7|", "7+0|", 1), strings.Replace(one, "7|", "7+1|", 1), strings.Replace(one, "7|", "8_3|", 1), strings.Replace(one, "7|", "8_4|", 1)), o)
	assert.Len(t, het, 4)

	gpu := func(tres string) runs.Row {
		return rowsOf(t, log(strings.Replace(one, "node=2", "node=2,"+tres, 1)), o)[0]
	}
	assert.Equal(t, gpu("gres/gpu=4").GPU, gpu("gres/gpu=4,gres/gpu:x9=4").GPU, "counted once")
	assert.NotContains(t, originOf(t, gpu("gres/gpu:a100=4")).Notes, "the GPU is not known: a default of 300 W stands in; name it with --cluster")
	whole := gpu("gres/gpu=1,gres/gpu:a100=1").GPU.Joules()
	for tres, part := range map[string]float64{
		"gres/gpu:a100_1g.5gb=1":                        1.0 / 7,
		"gres/gpu=1,gres/gpu:nvidia_a100_3g.20gb=1":     3.0 / 7,
		"gres/gpu=3,gres/gpu:a100=1,gres/gpu:2g.10gb=2": 1 + 4.0/7,
		"gres/gpu=2,gres/gpumem=10G,gres/gpuutil=50":    2 * 300.0 / 400,
	} {
		assert.InEpsilon(t, part*whole, gpu(tres).GPU.Joules(), 1e-6, tres)
	}
	for _, state := range []string{"FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "CANCELLED by 1000", "CANCELLED+"} {
		assert.NotEqual(t, footprint.Completed, rowsOf(t, strings.ReplaceAll(log(one), "COMPLETED", state), o)[0].Status, state)
	}
}

func TestSacctRefuses(t *testing.T) {
	const header = "JobID|State|Elapsed|NCPUS|TotalCPU|ReqMem\n"
	for line, want := range map[string]string{
		"7|COMPLETED|02:00":                        "3 of 6 columns",
		"7|COMPLETED|0x:00|1|00:00:01|1G":          "elapsed",
		"7|COMPLETED|02:00:00|-1|00:00:01|1G":      "NCPUS",
		"7|COMPLETED|02:00:00|1|00:00:01|1Q":       "memory",
		"7|COMPLETED|99999-02:00:00|1|00:00:01|1G": "more than any job",
		"7|DANCING|02:00:00|1|00:00:01|1G":         "unknown state",
		"total|COMPLETED|02:00:00|1|00:00:01|1G":   "not a job ID",
	} {
		rows, errs := readAll(header+line+"\n8|COMPLETED|01:00:00|1|00:30:00|1G\n", Options{Format: Slurm, Grid: fixedGrid(100)})
		require.Len(t, errs, 1, line)
		assert.ErrorContains(t, errs[0], want)
		assert.ErrorContains(t, errs[0], "x:2: ")
		assert.Len(t, rows, 1, "reading goes on")
	}
	for _, text := range []string{"JobID|Elapsed\n1|2\n2|3\n", "       JobID    JobName      State \n------------ ---------- ---------- \n1001              train  COMPLETED \n"} {
		_, errs := readAll(text, Options{Format: Slurm, Grid: fixedGrid(100)})
		require.Len(t, errs, 1, "once")
		assert.ErrorContains(t, errs[0], "sacct -P")
	}
	_, errs := readAll(header+"8|COMPLETED|01:00:00|1|00:30:00|1G\n", Options{Format: Slurm})
	require.Len(t, errs, 1)
	assert.ErrorContains(t, errs[0], "region")
}

func TestSlurmClock(t *testing.T) {
	for s, seconds := range map[string]float64{"1-02:03:04": 93784, "02:03:04": 7384, "03:04.500": 184.5, "03:04,5": 184.5, "1-02": 93600, "1-02:03": 93780, "": 0, "INVALID": 0} {
		h, err := clock(s)
		require.NoError(t, err, s)
		assert.InDelta(t, seconds, h*3600, 1e-6, s)
	}
	for _, s := range []string{"5", "a:b", "1:2:3:4", "-", "1--2", ":"} {
		_, err := clock(s)
		assert.Error(t, err, s)
	}
}

func FuzzSacct(f *testing.F) {
	f.Add(slurmLog)
	f.Add("JobID|State|Elapsed\n1|COMPLETED|1-1:1:1\n1.0|FAILED|\n")
	f.Fuzz(func(t *testing.T, s string) {
		rows, _ := readAll(s, Options{Format: Slurm, Grid: fixedGrid(100)})
		for _, r := range rows {
			assert.NoError(t, r.Impossible())
			assert.False(t, math.IsNaN(float64(r.Emissions)))
			assert.GreaterOrEqual(t, r.Energy.Joules(), 0.0)
		}
	})
}
