package ledger

import (
	"encoding/csv"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// kilowattHours is a run of an hour with one kWh of CPU and two of GPU.
func kilowattHours() footprint.Report {
	one, two := energy.KilowattHour, 2*energy.KilowattHour
	r := soFar("0193a000-0000-7000-8000-000000000001", 3*energy.KilowattHour)
	r.StartedAt = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	r.EndedAt, r.DurationS, r.PUE.Value = r.StartedAt.Add(time.Hour), 3600, 1.5
	r.Components = []footprint.Line{
		{Kind: energy.CPU, ID: "package-0", Energy: &one, Charged: one}, {Kind: energy.GPU, ID: "GPU-1", Energy: &two, Charged: two},
	}
	r.Region = footprint.Region{Zone: "US-CA", Name: "California"}
	r.Host = footprint.Host{OS: "linux", CPUModel: "Some CPU, 8 cores", CPUThreads: 16, MemoryBytes: 64 << 30, GPUs: []string{"A4", "A4", "B"}}
	r.Emissions, r.Versions.Tool = 900, "v0.1.0"
	return r
}

func codecarbonRows(t testing.TB, path string) (rows []map[string]string) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(contents(t, path))).ReadAll()
	require.NoError(t, err)
	require.Len(t, all[0], 38)
	for _, r := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = r[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestCodeCarbonFile(t *testing.T) {
	path := newPath(t)
	w := CodeCarbonWriter{Path: path}
	require.NoError(t, w.Report(t.Context(), kilowattHours()))
	require.NoError(t, w.Report(t.Context(), footprint.Report{Project: "=1+1"}))
	assert.True(t, strings.HasPrefix(contents(t, path), CodeCarbonHeader+"\n"))
	rows := codecarbonRows(t, path)
	require.Len(t, rows, 2)
	for name, want := range map[string]string{
		"timestamp":    time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC).Local().Format("2006-01-02T15:04:05"),
		"project_name": "demo", "duration": "3600", "emissions": "0.9", "emissions_rate": "0.00025",
		"cpu_power": "1500", "gpu_power": "3000", "ram_power": "",
		"cpu_energy": "1.5", "gpu_energy": "3", "ram_energy": "", "energy_consumed": "4.5", "water_consumed": "",
		"country_name": "United States", "country_iso_code": "USA", "region": "California", "on_cloud": "N",
		"cpu_count": "16", "cpu_model": "Some CPU, 8 cores", "gpu_count": "3", "gpu_model": "2 x A4, 1 x B",
		"ram_total_size": "64", "tracking_mode": "machine", "pue": "1.5", "wue": "", "codecarbon_version": "carbonctl v0.1.0",
	} {
		assert.Equal(t, want, rows[0][name], name)
	}
	assert.Equal(t, "'=1+1", rows[1]["project_name"])
	assert.Empty(t, rows[1]["emissions_rate"], "no duration, no rate")
}

func TestCodeCarbonFileThatIsThere(t *testing.T) {
	one := newPath(t)
	require.NoError(t, CodeCarbonWriter{Path: one}.Report(t.Context(), kilowattHours()))
	whole := contents(t, one)
	row := strings.TrimPrefix(whole, CodeCarbonHeader+"\n")
	crlf := strings.ReplaceAll(whole, "\n", "\r\n")
	for name, c := range map[string]struct {
		before, kept, torn string
	}{
		"empty":           {"", "", ""},
		"whole":           {whole, whole, ""},
		"CRLF":            {crlf, crlf, ""},
		"no line end":     {whole[:len(whole)-1], whole, ""},
		"CRLF, no end":    {crlf[:len(crlf)-2], crlf, ""},
		"a torn row":      {whole + row[:40], whole, row[:40]},
		"a torn header":   {CodeCarbonHeader[:30], "", CodeCarbonHeader[:30]},
		"only the header": {CodeCarbonHeader + "\n", CodeCarbonHeader + "\n", ""},
		"no more than it": {CodeCarbonHeader, "", CodeCarbonHeader},
	} {
		path := newPath(t)
		require.NoError(t, os.WriteFile(path, []byte(c.before), 0o600))
		require.NoError(t, CodeCarbonWriter{Path: path}.Report(t.Context(), kilowattHours()))
		after := contents(t, path)
		kept, line := c.kept, row
		if strings.HasPrefix(name, "CRLF") {
			line = strings.ReplaceAll(row, "\n", "\r\n")
		}
		if kept == "" {
			kept = CodeCarbonHeader + "\n"
		}
		assert.Equal(t, kept+line, after, name)
		if c.torn != "" {
			assert.Contains(t, contents(t, path+".torn"), c.torn, name)
		} else {
			assert.NoFileExists(t, path+".torn", name)
		}
	}
	older := strings.Replace(CodeCarbonHeader, ",water_consumed", "", 1) + "\n"
	swapped := strings.Replace(CodeCarbonHeader, "duration,emissions,", "emissions,duration,", 1) + "\n"
	for _, text := range []string{older, swapped, Header + "\n", "x", CodeCarbonHeader + ",tracking\n", CodeCarbonHeader + "\r", "\ufeff" + whole} {
		path := newPath(t)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		err := CodeCarbonWriter{Path: path}.Report(t.Context(), kilowattHours())
		assert.ErrorIs(t, err, ErrColumns, "%q", text)
		assert.Equal(t, text, contents(t, path))
	}
}

func TestCodeCarbonFileOnAFullDisk(t *testing.T) {
	path := newPath(t)
	require.NoError(t, CodeCarbonWriter{Path: path}.Report(t.Context(), kilowattHours()))
	before := contents(t, path)
	for left := 0; left < 100; left += 9 {
		room := left
		w := CodeCarbonWriter{Path: path, open: full(Writer{}, &room, nil).open}
		assert.ErrorIs(t, w.Report(t.Context(), kilowattHours()), syscall.ENOSPC)
		assert.Equal(t, before, contents(t, path))
	}
}

func TestManyCodeCarbonWriters(t *testing.T) {
	path := newPath(t)
	w := CodeCarbonWriter{Path: path, open: openUnsynced}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				assert.NoError(t, w.Report(t.Context(), kilowattHours()))
			}
		})
	}
	all.Wait()
	assert.Len(t, codecarbonRows(t, path), 200)
}
