package screen

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
)

// A Figure is an intensity as JSON has it.
type Figure struct {
	PerKWh  float64 `json:"g_per_kwh"`
	Scope   string  `json:"scope"`
	Year    int     `json:"year"`
	Basis   string  `json:"basis"`
	Source  string  `json:"source"`
	Licence string  `json:"licence"`
	Kind    string  `json:"kind"`
	Market  bool    `json:"market,omitempty"`
	Instead string  `json:"instead,omitempty"` // why it is not in the usual scope
	// Low and High are its own range, where there is one; RangeOld that it is of too
	// long ago to bound what a kWh emits now.
	Low      *float64 `json:"low_g_per_kwh,omitempty"`
	High     *float64 `json:"high_g_per_kwh,omitempty"`
	RangeOld bool     `json:"range_old,omitempty"`
	Note     string   `json:"note,omitempty"` // what to know of it
	// It holds From, until To: of a live service.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// FigureOf is the figure of an intensity.
func FigureOf(in regions.Intensity) Figure {
	f := Figure{
		PerKWh: float64(in.PerKWh), Scope: string(in.Scope), Year: in.Year, Basis: in.Basis, Source: in.Source, Licence: in.Licence,
		Kind: string(in.Kind), Market: in.Market, Instead: in.Instead, From: in.From.UTC(), To: in.To.UTC(),
		RangeOld: in.RangeOld(time.Now()), Note: in.Note,
	}
	if in.High > 0 {
		f.Low, f.High = new(float64(in.Low)), new(float64(in.High))
	}
	return f
}

// A Cloud is a cloud region as JSON has it, with what its provider publishes.
type Cloud struct {
	Provider   string           `json:"provider"`
	Region     string           `json:"cloud_region"`
	City       *string          `json:"city"`
	Latitude   *float64         `json:"latitude"`
	Longitude  *float64         `json:"longitude"`
	Kilometres *float64         `json:"distance_km,omitempty"` // from the point asked about
	Open       bool             `json:"open"`
	PUE        regions.PUE      `json:"pue"`
	Published  []regions.Figure `json:"published"`
}

// CloudOf is a cloud region of a table, nil for nil.
func CloudOf(t *regions.Table, c *regions.CloudRegion) *Cloud {
	if c == nil {
		return nil
	}
	d := &Cloud{Provider: c.Provider, Region: c.Region, Open: !c.Announced, PUE: t.PUE(c), Published: append([]regions.Figure{}, c.Figures()...)}
	if c.City != "" {
		d.City, d.Latitude, d.Longitude = &c.City, &c.Point.Lat, &c.Point.Lon
	}
	return d
}

// A Zone is a place and what a kilowatt-hour emits there. Its JSON keys are only ever
// added to.
type Zone struct {
	Zone   string  `json:"zone"`
	Alpha3 *string `json:"alpha3"`
	Name   string  `json:"name"`
	Kind   string  `json:"kind"`
	Cloud  *Cloud  `json:"cloud,omitempty"`   // the cloud region asked for
	Near   *Cloud  `json:"nearest,omitempty"` // the one nearest to a point
	Guess  string  `json:"guess,omitempty"`   // how the zone was found, if not by its name
	Used   *Figure `json:"used"`              // what a run there is multiplied with
	// Trend of the yearly figures, over at most ten years.
	Trend *regions.Trend `json:"trend,omitempty"`
	All   []Figure       `json:"series,omitempty"` // all figures, the newest first
	// Typical are the typical hours of a day to come, where they are known.
	Typical []Figure `json:"typical_hours,omitempty"`
	Data    string   `json:"data"` // version of the table
}

// Details are what a zone's text shows beyond the figure in force.
type Details struct {
	Years bool // the series, and what a cloud's provider publishes
	Hours bool // typical hours
}

// Text shows the zone to a person: the figure in force and where it comes from, and the
// details that are asked for.
func (d Zone) Text(out io.Writer, more Details) error {
	names := []string{d.Kind}
	if d.Alpha3 != nil {
		names = append(names, *d.Alpha3)
	}
	var p layout.Page
	if c := d.Cloud; c != nil {
		p.Title(fmt.Sprintf("%s:%s  %s; grid of %s, %s", c.Provider, c.Region, c.where(), d.Zone, d.Name))
	} else {
		p.Title(fmt.Sprintf("%s  %s (%s)", d.Zone, d.Name, strings.Join(names, ", ")))
	}
	if d.Guess != "" {
		p.Row("match", "%s", d.Guess)
	}
	if c := d.Near; c != nil {
		p.Row("near", "%s:%s, %s, %.0f km away", c.Provider, c.Region, c.where(), *c.Kilometres)
	}
	used := d.Used.line()
	if d.Trend != nil {
		used += "; " + trendLine(*d.Trend)
	}
	p.Row("intensity", "%s", used)
	if d.Used.Instead != "" && d.Used.Instead != d.Guess {
		p.Row("", "%s", strings.TrimSuffix(d.Used.Instead, "; "+d.Guess))
	}
	if f := d.Used; f.Low != nil {
		old := ""
		if f.RangeOld {
			old = fmt.Sprintf(" (mix of %d)", f.Year)
		}
		p.Row("range", "%s to %s g/kWh, depending on the factors of its fuels%s", format.Digits(*f.Low), format.Digits(*f.High), old)
	}
	if d.Used.Note != "" {
		p.Row("note", "%s", d.Used.Note)
	}
	if other := d.other(); other != nil {
		p.Row(other.Scope, "%s g/kWh, %d; not comparable with %s", format.Digits(other.PerKWh), other.Year, d.Used.Scope)
	}
	if c := d.Cloud; c != nil {
		p.Row("PUE", "%.3g (%s, %d)", c.PUE.Value, c.PUE.Of, c.PUE.Year)
	}
	p.Row("source", "%s; %s", d.Used.Source, cmp.Or(d.Used.Licence, "the service's own terms"))
	if more.Years {
		d.years(&p)
	}
	if more.Hours {
		d.hours(&p)
	}
	if text := d.more(more); text != "" {
		p.Row("more", "%s", text)
	}
	_, err := p.WriteTo(out)
	return err
}

// other is the newest figure of another scope, nil if there is none.
func (d Zone) other() *Figure {
	i := slices.IndexFunc(d.All, func(f Figure) bool { return f.Scope != d.Used.Scope })
	if i < 0 || d.Used.Scope == "" || d.Used.Market {
		return nil
	}
	return &d.All[i]
}

// more says what the flags would add.
func (d Zone) more(shown Details) string {
	var all []string
	n := len(d.All)
	if d.Cloud != nil {
		n += len(d.Cloud.Published)
	}
	if !shown.Years && n > 1 {
		all = append(all, fmt.Sprintf("--years (%d values)", n))
	}
	if !shown.Hours && len(d.Typical) > 0 {
		all = append(all, "--hours (typical hours)")
	}
	return strings.Join(all, ", ")
}

// years are the series, and what the provider of a cloud region publishes.
func (d Zone) years(p *layout.Page) {
	if d.Cloud != nil {
		d.Cloud.published(p)
	}
	p.Title(fmt.Sprintf("  %-10s %-11s %-4s %7s  %s", "scope", "basis", "year", "g/kWh", "source"))
	for _, f := range d.All {
		p.Line(fmt.Sprintf("  %-10s %-11s %d %7s  %s", f.Scope, f.Basis, f.Year, format.Digits(f.PerKWh), format.Clip(f.Source, 40)))
	}
	p.Line("")
	p.Note("lifecycle includes fuel supply and plant construction, direct only combustion: not comparable. Table " + d.Data + ".")
}

// hours are the typical ones of the day to come, in UTC.
func (d Zone) hours(p *layout.Page) {
	if len(d.Typical) == 0 {
		p.Row("hours", "no typical hours for %s", d.Zone)
		return
	}
	p.Title("  hour, UTC          g/kWh")
	for _, h := range d.Typical {
		p.Line(fmt.Sprintf("  %s  %7s", h.From.UTC().Format("2006-01-02 15:04"), format.Digits(h.PerKWh)))
	}
	p.Line("")
	p.Note(d.Typical[0].Instead + ".")
}

func (f Figure) line() string {
	if !f.To.IsZero() {
		return fmt.Sprintf("%s g/kWh, %s, %s, until %s", format.Digits(f.PerKWh), cmp.Or(f.Scope, "scope unknown"), f.Kind, f.To.Local().Format(format.MinuteLayout))
	}
	if f.Market {
		return fmt.Sprintf("%s g/kWh, market-based, %d", format.Digits(f.PerKWh), f.Year)
	}
	return fmt.Sprintf("%s g/kWh, %s, %d", format.Digits(f.PerKWh), f.Scope, f.Year)
}

func trendLine(t regions.Trend) string {
	if t.Change != nil {
		return fmt.Sprintf("%s from %d to %d", format.Signed(*t.Change), t.First, t.Last)
	}
	sign := "+"
	if t.PerYear < 0 {
		sign = "−"
	}
	return fmt.Sprintf("%s%.1f g/kWh a year, %d to %d", sign, max(t.PerYear, -t.PerYear), t.First, t.Last)
}

func (c *Cloud) where() string {
	text := "place not published"
	if c.City != nil {
		text = *c.City
	}
	if !c.Open {
		text += ", announced, not open yet"
	}
	return text
}

// measures are what providers publish, in words.
var measures = map[regions.Measure]string{
	regions.PUEMeasure: "PUE", regions.WUEMeasure: "water, l/kWh",
	regions.HourlyCFE: "carbon-free hourly, %", regions.AnnualCFE: "carbon-free yearly, %",
	regions.GridFactor: "location-based, g/kWh", regions.MarketFactor: "market-based, g/kWh",
}

// printPublished shows the provider's own figures, which no run is multiplied
// with, apart from those of the grid.
func (c *Cloud) published(p *layout.Page) {
	if len(c.Published) == 0 {
		p.Row("published", "nothing known")
		return
	}
	p.Title(fmt.Sprintf("  %-22s %-4s %7s  %s", "published by "+c.Provider, "year", "", "source"))
	for _, f := range slices.Backward(c.Published) {
		p.Line(fmt.Sprintf("  %-22s %d %7s  %s", measures[f.Measure], f.Year, strconv.FormatFloat(f.Value, 'f', -1, 64), format.Clip(f.Source, 39)))
	}
}

// Zones are all zones of a table that have a figure of the kind that was asked for.
type Zones struct {
	Zones []Zone `json:"zones"`
	Data  string `json:"data"` // version of the table
}

// Text lists the zones for a person.
func (z Zones) Text(out io.Writer) error {
	var p layout.Page
	p.Line(fmt.Sprintf("%-13s %8s  %-9s %-4s  %s", "zone", "g/kWh", "scope", "year", "name"))
	for _, d := range z.Zones {
		p.Line(fmt.Sprintf("%-13s %8s  %-9s %d  %s", d.Zone, format.Digits(d.Used.PerKWh), d.Used.Scope, d.Used.Year, format.Clip(d.Name, 38)))
	}
	_, err := p.WriteTo(out)
	return err
}
