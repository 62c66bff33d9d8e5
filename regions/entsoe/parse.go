package entsoe

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetch"
)

// A factor is g/kWh of a kind of plant.
type factor struct{ lifecycle, direct regions.Grams }

// factors by kind of plant (psrType). Lifecycle: medians of IPCC AR5, working
// group III, annex III, table A.III.2 (2014); oil, which that table lacks, from
// IPCC SRREN, annex II (2011). Direct: the IPCC's defaults for burning the fuel
// (2006 Guidelines, volume 2, table 2.2: hard coal 94.6, lignite 101, oil shale
// 107, peat 106, gas 56.1, oil 77.4 kg/GJ) at 38 % for solids, 50 % for gas and
// 37 % for oil, as in docs/regions-data.md. Lignite, shale and peat emit more at the
// stack than AR5's median of coal has in all, so their lifecycle figure is that.
//
// Kinds that are missing here are left out of both sums: pumped storage, whose
// energy was generated before, and coal gas, waste and "other", of which too
// little is known.
var factors = map[string]factor{
	"B01": {230, 0},                // biomass
	"B02": {957, 957},              // lignite
	"B04": {490, 404},              // gas
	"B05": {820, 896},              // hard coal
	"B06": {840, 753},              // oil
	"B07": {1014, 1014},            // oil shale
	"B08": {1004, 1004},            // peat
	"B09": {38, 0},                 // geothermal
	"B11": {24, 0}, "B12": {24, 0}, // hydro
	"B13": {17, 0}, // marine
	"B14": {12, 0}, // nuclear
	"B15": {24, 0}, // other renewable
	"B16": {48, 0}, // solar
	"B18": {12, 0}, // wind, offshore
	"B19": {11, 0}, // wind, onshore
}

// pumped storage is neither known nor unknown.
const pumped = "B10"

// maxUnknown is the part of generation by kinds of which we have no factor,
// beyond which a figure would mean little.
const maxUnknown = 0.2

type document struct {
	XMLName xml.Name
	Reason  struct {
		Text string `xml:"text"`
	} `xml:"Reason"`
	Series []timeSeries `xml:"TimeSeries"`
}

type timeSeries struct {
	In      string   `xml:"inBiddingZone_Domain.mRID"`
	Out     string   `xml:"outBiddingZone_Domain.mRID"`
	Unit    string   `xml:"quantity_Measure_Unit.name"`
	Kind    string   `xml:"MktPSRType>psrType"`
	Periods []period `xml:"Period"`
}

type period struct {
	Start      string `xml:"timeInterval>start"`
	End        string `xml:"timeInterval>end"`
	Resolution string `xml:"resolution"`
	Points     []struct {
		Position int     `xml:"position"`
		Quantity float64 `xml:"quantity"`
	} `xml:"Point"`
}

// parse gives the intensity of each slot that all kinds have reported for.
func parse(body []byte, domain string, scope regions.Scope) ([]regions.Intensity, error) {
	if bytes.HasPrefix(body, []byte("PK")) {
		return nil, errors.New("the answer is an archive, as for a long time")
	}
	var d document
	if err := xml.Unmarshal(body, &d); err != nil {
		return nil, errors.New("the answer has an unexpected XML format")
	}
	switch d.XMLName.Local {
	case "GL_MarketDocument":
	case "Acknowledgement_MarketDocument":
		return nil, fetch.ErrNoData
	default:
		return nil, fmt.Errorf("the answer is a %.40q", d.XMLName.Local)
	}
	slots := map[time.Time]*slot{}
	for _, s := range d.Series {
		if s.Out != "" {
			continue // what plants use themselves, and pumping
		}
		if s.In != domain {
			return nil, fmt.Errorf("the answer is for %.40q, not %q", s.In, domain)
		}
		if s.Unit != "" && s.Unit != "MAW" {
			return nil, fmt.Errorf("the answer is in %.20q, not MAW", s.Unit)
		}
		for _, p := range s.Periods {
			if err := p.add(s.Kind, slots); err != nil {
				return nil, err
			}
		}
	}
	return series(slots, scope)
}

// A slot is what the kinds of plant generated in a stretch of time, in MW.
type slot struct {
	length time.Duration
	by     map[string]float64
}

// maxPoints is more than a day of quarters has.
const maxPoints = 200

// add puts the points of a period into their slots. A point that is left out is
// as the one before.
func (p period) add(kind string, slots map[time.Time]*slot) error {
	start, err := fetch.Stamp(p.Start)
	if err != nil {
		return err
	}
	end, err := fetch.Stamp(p.End)
	if err != nil {
		return err
	}
	step := map[string]time.Duration{"PT15M": 15 * time.Minute, "PT30M": 30 * time.Minute, "PT60M": time.Hour}[p.Resolution]
	n := 0
	if step > 0 && end.After(start) {
		n = int(end.Sub(start) / step)
	}
	if n < 1 || n > maxPoints || len(p.Points) == 0 {
		return fmt.Errorf("invalid period from %s by %.10q", start.Format(time.RFC3339), p.Resolution)
	}
	quantity, next := math.NaN(), 0
	for i := range n {
		if next < len(p.Points) && p.Points[next].Position == i+1 {
			quantity = p.Points[next].Quantity
			next++
		}
		if !(quantity >= 0 && quantity < 1e6) {
			return fmt.Errorf("%v MW are generated from %s", quantity, start.Format(time.RFC3339))
		}
		at := start.Add(time.Duration(i) * step)
		s, ok := slots[at]
		if !ok {
			s = &slot{step, map[string]float64{}}
			slots[at] = s
		}
		if s.length != step {
			return errors.New("the kinds of plant report by different times")
		}
		s.by[kind] += quantity
	}
	if next != len(p.Points) {
		return errors.New("a period's points are out of order")
	}
	return nil
}

func series(slots map[time.Time]*slot, scope regions.Scope) ([]regions.Intensity, error) {
	most := 0
	for _, s := range slots {
		most = max(most, len(s.by))
	}
	var all []regions.Intensity
	for _, at := range slices.SortedFunc(maps.Keys(slots), time.Time.Compare) {
		s := slots[at]
		if len(s.by) < most {
			continue // some have not reported yet
		}
		v, err := s.intensity(scope)
		if err != nil {
			return nil, err
		}
		all = append(all, regions.Intensity{
			Kind: regions.Live, Scope: scope, Basis: "generation", PerKWh: v, From: at, To: at.Add(s.length),
			Licence: "terms of the ENTSO-E Transparency Platform", Source: "ENTSO-E, generation by kind of plant, times IPCC factors",
		})
	}
	return fetch.Order(all)
}

func (s *slot) intensity(scope regions.Scope) (regions.Grams, error) {
	var grams regions.Grams
	var known, unknown float64
	for _, kind := range slices.Sorted(maps.Keys(s.by)) { // in order, so that sums round alike
		mw := s.by[kind]
		f, ok := factors[kind]
		switch {
		case kind == pumped:
			continue
		case !ok:
			unknown += mw
			continue
		case scope == regions.Direct:
			grams += f.direct * regions.Grams(mw)
		default:
			grams += f.lifecycle * regions.Grams(mw)
		}
		known += mw
	}
	if known == 0 || unknown > maxUnknown*(known+unknown) {
		return 0, fmt.Errorf("of %.0f MW the kind of plant is not known, of %.0f it is", unknown, known)
	}
	return grams / regions.Grams(known), nil
}
