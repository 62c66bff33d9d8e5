package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// A Ranking shows what the same work would emit in many places, as
// [runs.Compare] ranked them.
type Ranking struct {
	Energy energy.Energy
	// Of says whose energy it is, "" if it was given as such.
	Of string
	// Recorded is what the work's own record says it emitted, nil without one.
	Recorded *regions.Grams
	// Places are all, or the first of them and here.
	Places []runs.Comparison
	// Of how many places these are, and how many more have no such figure.
	All, Without int
	// Notes are said before what the comparison does not cover.
	Notes []string
	// Data is the version of the table.
	Data string
}

// RankingFormats are the names that [Ranking.Write] takes.
func RankingFormats() []string { return []string{"text", "json", "csv", "markdown", "svg"} }

// Write writes the ranking in a format by its name.
func (r Ranking) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return r.Text(w)
	case "json":
		return r.JSON(w)
	case "csv":
		return r.CSV(w)
	case "markdown":
		return r.Markdown(w)
	case "svg":
		return r.SVG(w)
	}
	return fmt.Errorf("unknown format %.40q: use one of %s", format, strings.Join(RankingFormats(), ", "))
}

// Top leaves the first n places, and here wherever it stands. 0 leaves all.
func (r Ranking) Top(n int) Ranking {
	if n <= 0 || n >= len(r.Places) {
		return r
	}
	top := slices.Clone(r.Places[:n])
	for _, c := range r.Places[n:] {
		if c.Here {
			top = append(top, c)
		}
	}
	r.Places = top
	return r
}

func (r Ranking) title() string {
	s := Energy(r.Energy) + " of computing"
	if r.Of != "" {
		s += ", " + r.Of
	}
	return s
}

// subtitle says how much of the ranking is shown.
func (r Ranking) subtitle() string {
	s := fmt.Sprintf("%d %s", r.All, plural(r.All, "place", "places"))
	if len(r.Places) < r.All {
		s = fmt.Sprintf("%d of %s", len(r.Places), s)
	}
	if len(r.Places) > 0 {
		s += ", least emissions first; " + counted(r.Places[0])
	}
	return s
}

// counted says what the figures of a ranking count; they are all of one sort.
func counted(c runs.Comparison) string {
	switch {
	case c.Market:
		return "market-based figures"
	case c.Scope == "":
		return "figures of unknown scope"
	}
	return string(c.Scope) + " emissions"
}

// notes are what a reader must know of the table; marks, whether it has the marks
// of PUEs and the column of CFE.
func (r Ranking) notes(marks bool) []string {
	var all []string
	if r.Recorded != nil {
		all = append(all, fmt.Sprintf("recorded: %s CO2e, with the PUE and the intensity that the record names.", Mass(*r.Recorded)))
	}
	all = append(all, r.Notes...)
	if r.Without > 0 {
		all = append(all, fmt.Sprintf("%d %s left out: no such figure is known.", r.Without, plural(r.Without, "place is", "places are")))
	}
	pues := map[string]bool{}
	for _, c := range r.Places {
		pues[c.PUEOf] = true
	}
	home := "1 (none recorded)"
	if i := slices.IndexFunc(r.Places, func(c runs.Comparison) bool { return c.Here }); i >= 0 && r.Places[i].PUEOf != "none" {
		home = "as recorded"
		if r.Places[i].PUEOf != runs.Recorded {
			home = "as published"
		}
	}
	mark := ""
	if marks {
		mark = "(p) "
	}
	if pues[runs.Given] {
		all = append(all, "PUE: the one given, everywhere.")
	} else {
		all = append(all, "PUE here: "+home+". Elsewhere: the region's as published; else "+mark+"the provider's mean; else that of here.")
	}
	if marks && slices.ContainsFunc(r.Places, func(c runs.Comparison) bool { return c.CFE != nil }) {
		all = append(all, "CFE: carbon-free energy hour by hour, the newest that the provider publishes; it is not in the grams.")
	}
	return append(all, runs.Uncovered+".")
}

// place is how a row is called: its cloud region, or its zone.
func place(c runs.Comparison) string {
	if c.Provider != nil {
		return *c.Provider + ":" + *c.CloudRegion
	}
	return c.Zone
}

// near is where it is, for people.
func near(c runs.Comparison) string {
	if c.City != nil {
		return *c.City
	}
	return c.Name
}

func ratio(c runs.Comparison) string {
	switch {
	case c.Here:
		return "here"
	case c.Ratio == nil:
		return ""
	case *c.Ratio < 0.005 || *c.Ratio >= 1000:
		return strconv.FormatFloat(*c.Ratio, 'g', 2, 64)
	}
	return strconv.FormatFloat(*c.Ratio, 'f', 2, 64)
}

// markedPUE marks a PUE that is not the region's own.
func markedPUE(c runs.Comparison) string {
	return strconv.FormatFloat(c.PUE, 'f', 2, 64) + map[string]string{"provider": "p"}[c.PUEOf]
}

// sources numbers the sources of a ranking by where they first stand.
func (r Ranking) sources() (names []string, of func(c runs.Comparison) int) {
	name := func(c runs.Comparison) string {
		s := c.Source
		if c.Kind == regions.Own && !strings.HasPrefix(s, "user's table") {
			s += " (own table)"
		}
		return s
	}
	for _, c := range r.Places {
		if !slices.Contains(names, name(c)) {
			names = append(names, name(c))
		}
	}
	return names, func(c runs.Comparison) int { return 1 + slices.Index(names, name(c)) }
}

// Text writes the ranking for a person, 80 columns wide.
func (r Ranking) Text(w io.Writer) error {
	const wide, line = 28, "%4s  %s %7s %5s  %8s %6s %4s  %4s %2s"
	width, far := wide, false
	for _, c := range r.Places {
		far = far || c.Kilometres != nil
	}
	if far {
		width -= 6 // for the kilometres
	}
	label := func(s, km string) string {
		s += strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
		if far {
			s += fmt.Sprintf(" %5s", km)
		}
		return s
	}
	var p Page
	p.line("%s", r.title())
	p.line("%s", r.subtitle())
	p.line("")
	p.line(line, "rank", label("place", "km"), "g/kWh", "PUE ", "CO2e", "ratio", "CFE", "year", "")
	names, of := r.sources()
	for i, c := range r.Places {
		if i > 0 && c.Rank > r.Places[i-1].Rank+1 && len(r.Places) < r.All && i == len(r.Places)-1 {
			p.line("   …")
		}
		cfe, km := "", ""
		if c.CFE != nil {
			cfe = strconv.FormatFloat(*c.CFE, 'f', 0, 64) + "%"
		}
		if c.Kilometres != nil {
			km = strconv.FormatFloat(*c.Kilometres, 'f', 0, 64)
		}
		text, mark := clip(place(c), width), markedPUE(c)
		if utf8.RuneCountInString(mark) < 5 {
			mark += " " // digits below digits
		}
		if rest := width - 1 - utf8.RuneCountInString(text); rest >= 4 {
			text += " " + clip(near(c), rest)
		}
		p.line(line, strconv.Itoa(c.Rank), label(text, km), PerKWh(float64(c.PerKWh)),
			mark, Mass(c.Emissions), ratio(c), cfe, yearText(c.Year), strconv.Itoa(of(c)))
	}
	p.line("")
	for i, n := range names {
		p.Row(strconv.Itoa(i+1), "%s", n)
	}
	for _, n := range r.notes(true) {
		p.Note(n)
	}
	_, err := p.WriteTo(w)
	return err
}

func yearText(year int) string {
	if year == 0 {
		return ""
	}
	return strconv.Itoa(year)
}

// Markdown writes the ranking for a pull request, in GitHub's dialect.
func (r Ranking) Markdown(w io.Writer) error {
	t := table{columns: []column{{"rank", amount}, {"place", name}, {"where", text}, {"g/kWh", amount}, {"PUE", amount}, {"CO2e", amount},
		{"ratio", amount}, {"CFE", amount}, {"km", amount}, {"year", amount}, {"source", text}}}
	for _, c := range r.Places {
		row := []string{strconv.Itoa(c.Rank), place(c), near(c), PerKWh(float64(c.PerKWh)), markedPUE(c), Mass(c.Emissions),
			ratio(c), "", "", yearText(c.Year), c.Source}
		if c.CFE != nil {
			row[7] = strconv.FormatFloat(*c.CFE, 'f', 0, 64) + " %"
		}
		if c.Kilometres != nil {
			row[8] = strconv.FormatFloat(*c.Kilometres, 'f', 0, 64)
		}
		t.rows = append(t.rows, row)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n%s\n\n", markdown(r.title()), markdown(r.subtitle()))
	t.used().markdown(&b)
	b.WriteString("\n")
	for _, n := range r.notes(true) {
		fmt.Fprintf(&b, "- %s\n", markdown(n))
	}
	fmt.Fprintf(&b, "\n<sub>table %s</sub>\n", markdown(r.Data))
	_, err := io.WriteString(w, tidy(b.String()))
	return err
}

// JSON writes the ranking for a program.
func (r Ranking) JSON(w io.Writer) error {
	places := append([]runs.Comparison{}, r.Places...)
	notes := append([]string{}, r.Notes...)
	b, err := json.MarshalIndent(struct {
		Energy   energy.Energy     `json:"energy_joules"`
		Of       string            `json:"of"`
		Recorded *regions.Grams    `json:"recorded_emissions_g"`
		Regions  []runs.Comparison `json:"regions"`
		All      int               `json:"places"`
		Without  int               `json:"without_figure"`
		Notes    []string          `json:"notes"`
		Not      string            `json:"not_covered"`
		Data     string            `json:"data"`
	}{r.Energy, r.Of, r.Recorded, places, r.All, r.Without, notes, runs.Uncovered, r.Data}, "", "  ")
	if err != nil {
		return fmt.Errorf("ranking: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// CSV writes a line for each place; what is not known is an empty cell.
func (r Ranking) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"rank", "here", "zone", "name", "provider", "cloud_region", "city", "energy_joules", "g_per_kwh", "pue", "pue_of", "emissions_g", "ratio",
		"cfe_percent", "cfe_year", "distance_km", "scope", "market", "kind", "year", "source", "licence", "instead"}) // Flush tells its error
	number := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'f', -1, 64)
	}
	words := func(s *string) string {
		if s == nil {
			return ""
		}
		return cell(*s)
	}
	for _, c := range r.Places {
		cfeYear, perKWh, grams := "", float64(c.PerKWh), float64(c.Emissions)
		if c.CFEYear != nil {
			cfeYear = strconv.Itoa(*c.CFEYear)
		}
		_ = out.Write([]string{strconv.Itoa(c.Rank), strconv.FormatBool(c.Here), cell(c.Zone), cell(c.Name), words(c.Provider), words(c.CloudRegion), words(c.City),
			r.Energy.Fixed(), number(&perKWh), number(&c.PUE), c.PUEOf, number(&grams), number(c.Ratio),
			number(c.CFE), cfeYear, number(c.Kilometres), string(c.Scope), strconv.FormatBool(c.Market), string(c.Kind), yearText(c.Year), cell(c.Source), cell(c.Licence), cell(c.Instead)})
	}
	out.Flush()
	return out.Error()
}
