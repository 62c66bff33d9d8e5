package screen

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// Imported is what became of files of other tools. Its JSON keys are only ever added to.
type Imported struct {
	Ledger string         `json:"ledger"` // that was added to
	Dry    bool           `json:"dry_run"`
	Files  []ImportedFile `json:"files"`
}

// An ImportedFile is what became of one file.
type ImportedFile struct {
	File      string        `json:"file"`
	Format    string        `json:"format"` // "" if no run is added
	Added     int           `json:"added"`
	Known     int           `json:"known"`   // that the ledger had already
	Grown     int           `json:"grown"`   // of these: used more by now than the ledger says
	Refused   int           `json:"refused"` // what could not be used
	Energy    energy.Energy `json:"energy_joules"`
	Emissions regions.Grams `json:"emissions_g"`
	Notes     []Remark      `json:"notes"`
	// Skipped are jobs that are no runs yet.
	Skipped []Remark `json:"skipped,omitempty"`
	// Waste is what a cluster's jobs took for nothing; nil for other files.
	Waste *Waste `json:"waste,omitempty"`
}

// Waste is what jobs took for nothing, of those that were added. The second is a part of
// all jobs, failed ones too: the two are not to be added.
type Waste struct {
	Failed          int           `json:"failed_jobs"` // failed or cancelled
	FailedEnergy    energy.Energy `json:"failed_energy_joules"`
	FailedEmissions regions.Grams `json:"failed_emissions_g"`
	// Memory that was requested and not needed.
	MemoryEnergy    energy.Energy `json:"memory_unneeded_energy_joules"`
	MemoryEmissions regions.Grams `json:"memory_unneeded_emissions_g"`
	// Requested over needed, of all jobs' GB × hours; 0 where none asked for memory.
	MemoryFactor float64 `json:"memory_requested_over_needed"`

	requested, needed float64
}

// A Remark is what was repaired or must be known, and of how many runs.
type Remark struct {
	Text string `json:"text"`
	Runs int    `json:"runs"`
}

// Take adds the figures of a row that is new, and what its details tell.
func (i *ImportedFile) Take(row runs.Row) {
	i.Energy = i.Energy.Plus(row.Energy)
	i.Emissions += regions.Grams(row.Emissions)
	i.note(row)
}

// note takes what a row's details tell of its origin.
func (i *ImportedFile) note(row runs.Row) {
	var details struct {
		Imported struct {
			Format string   `json:"format"`
			Notes  []string `json:"notes"`
			Slurm  *struct {
				Requested float64       `json:"memory_requested_gb"`
				Needed    float64       `json:"memory_needed_gb"`
				Unneeded  energy.Energy `json:"memory_unneeded_joules"`
			} `json:"slurm"`
		} `json:"imported"`
	}
	if json.Unmarshal([]byte(row.Details), &details) != nil {
		return
	}
	i.Format = details.Imported.Format
	if s := details.Imported.Slurm; s != nil {
		if i.Waste == nil {
			i.Waste = &Waste{}
		}
		i.Waste.add(row, s.Requested, s.Needed, s.Unneeded)
	}
	for _, text := range details.Imported.Notes {
		at := slices.IndexFunc(i.Notes, func(n Remark) bool { return n.Text == text })
		if at >= 0 {
			i.Notes[at].Runs++
		} else if len(i.Notes) < MaxListed {
			i.Notes = append(i.Notes, Remark{text, 1})
		}
	}
}

// add takes one job.
func (w *Waste) add(row runs.Row, requested, needed float64, unneeded energy.Energy) {
	if row.Status != footprint.Completed {
		w.Failed++
		w.FailedEnergy = w.FailedEnergy.Plus(row.Energy)
		w.FailedEmissions += regions.Grams(row.Emissions)
	}
	w.MemoryEnergy = w.MemoryEnergy.Plus(unneeded)
	if row.Energy > 0 {
		w.MemoryEmissions += regions.Grams(float64(row.Emissions) * unneeded.Joules() / row.Energy.Joules())
	}
	hours := float64(row.DurationS) / 3600
	w.requested += requested * hours
	w.needed += needed * hours
	if w.needed > 0 {
		w.MemoryFactor = w.requested / w.needed
	}
}

// Skip counts a record that is no run yet.
func (i *ImportedFile) Skip(why string) {
	if at := slices.IndexFunc(i.Skipped, func(n Remark) bool { return n.Text == why }); at >= 0 {
		i.Skipped[at].Runs++
		return
	}
	i.Skipped = append(i.Skipped, Remark{why, 1})
}

func (m Imported) verb() string {
	if m.Dry {
		return "would add"
	}
	return "added"
}

// headline is the answer in a sentence.
func (m Imported) headline() string {
	var all ImportedFile
	for _, f := range m.Files {
		all.Added, all.Known, all.Refused = all.Added+f.Added, all.Known+f.Known, all.Refused+f.Refused
		all.Energy, all.Emissions = all.Energy.Plus(f.Energy), all.Emissions+f.Emissions
	}
	text := fmt.Sprintf("%s %s", m.verb(), format.RunCount(all.Added))
	if all.Added > 0 {
		text += fmt.Sprintf(": %s CO2e from %s", format.Mass(all.Emissions), format.Energy(all.Energy))
	}
	if all.Known > 0 {
		text += fmt.Sprintf("; %s already in the ledger", format.RunCount(all.Known))
	}
	if all.Refused > 0 {
		text += fmt.Sprintf("; %s rejected", format.Thousands(all.Refused)+format.Plural(all.Refused, " line", " lines"))
	}
	return text
}

// Text shows the import to a person on a screen, the sum before the files.
func (m Imported) Text(w io.Writer, screen layout.Screen) error {
	p := layout.Page{Screen: screen}
	p.Headline(m.headline())
	p.Row("ledger", "%s", screen.Path(m.Ledger))
	for _, f := range m.Files {
		title := f.File
		if f.Format != "" {
			title += " (" + f.Format + ")"
		}
		p.Title(title)
		if f.Added > 0 && len(m.Files) > 1 {
			p.Row(m.verb(), "%s: %s CO2e from %s", format.RunCount(f.Added), format.Mass(f.Emissions), format.Energy(f.Energy))
		}
		if f.Known > 0 {
			p.Row("skipped", "%s already in the ledger", format.RunCount(f.Known))
		}
		if f.Grown > 0 {
			p.Row("stale", "%s of these used more since they were imported; import a log when its run has ended", format.RunCount(f.Grown))
		}
		if f.Refused > 0 {
			p.Row("rejected", "%s, listed on stderr", format.Count(f.Refused, "line"))
		}
		for _, s := range f.Skipped {
			p.Row("skipped", "%s %s", format.Count(s.Runs, "job"), s.Text)
		}
		if w := f.Waste; w != nil {
			if w.Failed > 0 {
				p.Row("failed", "%s: %s, %s CO2e", format.Count(w.Failed, "job"), format.Energy(w.FailedEnergy), format.Mass(w.FailedEmissions))
			}
			if w.MemoryEnergy > 0 {
				p.Row("memory", "%s times what was needed was requested: %s, %s CO2e", format.Digits(w.MemoryFactor), format.Energy(w.MemoryEnergy), format.Mass(w.MemoryEmissions))
			}
		}
		for _, n := range f.Notes {
			p.Row("note", "%s: %s", format.Count(n.Runs, "run"), n.Text)
		}
	}
	_, err := p.WriteTo(w)
	return err
}
