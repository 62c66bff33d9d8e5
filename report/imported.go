package report

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/carbonctl/carbonctl/energy"
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
}

// A remark is what was repaired or must be known, and of how many runs.
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
		} `json:"imported"`
	}
	if json.Unmarshal([]byte(row.Details), &details) != nil {
		return
	}
	i.Format = details.Imported.Format
	for _, text := range details.Imported.Notes {
		at := slices.IndexFunc(i.Notes, func(n Remark) bool { return n.Text == text })
		if at >= 0 {
			i.Notes[at].Runs++
		} else if len(i.Notes) < MaxListed {
			i.Notes = append(i.Notes, Remark{text, 1})
		}
	}
}

// Text shows the import to a person.
func (m Imported) Text(w io.Writer) error {
	var p Page
	for _, f := range m.Files {
		title := f.File
		if f.Format != "" {
			title += " (" + f.Format + ")"
		}
		p.Title(title)
		what := "added"
		if m.Dry {
			what = "would add"
		}
		p.Row(what, "%s, %s, %s CO2e", Count(f.Added, "run"), Energy(f.Energy), Mass(f.Emissions))
		if f.Known > 0 {
			p.Row("not added", "%s that the ledger has already", Count(f.Known, "run"))
		}
		if f.Grown > 0 {
			p.Row("stale", "%s of these used more by now: the ledger has what they had used when they were imported; import a log when its run has ended", Count(f.Grown, "run"))
		}
		if f.Refused > 0 {
			p.Row("refused", "%s, named on stderr", Count(f.Refused, "line"))
		}
		for _, n := range f.Notes {
			p.Row("note", "%s: %s", Count(n.Runs, "run"), n.Text)
		}
	}
	if !m.Dry {
		p.Row("ledger", "%s", m.Ledger)
	}
	_, err := p.WriteTo(w)
	return err
}
