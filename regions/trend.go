package regions

import "cmp"

// A Trend is how a zone's yearly figures of one scope, basis and source went.
type Trend struct {
	Scope Scope `json:"scope"`
	// First and Last year that it rests on.
	First int `json:"first_year"`
	Last  int `json:"last_year"`
	// PerYear is the slope of the least-squares line through the figures, in
	// g/kWh a year; negative where the grid gets cleaner.
	PerYear Grams `json:"g_per_kwh_per_year"`
	// Change from the first year's figure to the last's, as a part of the
	// first's; nil where that is 0.
	Change *float64 `json:"change"`
	Source string   `json:"source"`
}

// trendYears is how far back a trend reaches.
const trendYears = 10

// Trend is that of the figures among which Intensity would choose, over ten years back from
// the year wanted, or the newest. It needs two years: ok is false where there is one. The
// errors are those of Intensity. Query.Market is ignored.
func (t *Table) Trend(q Query) (trend Trend, ok bool, err error) {
	e, _, err := t.locate(cmp.Or(q.Zone, string(World)))
	if err != nil {
		return trend, false, err
	}
	scope := q.Scope
	if scope == "" {
		scope = Lifecycle
		if !e.has(Lifecycle) {
			scope = Direct
		}
	}
	s, last := e.pick(scope, q.Year)
	if s == nil {
		return trend, false, e.missing(scope, q.Year)
	}
	var n, sumX, sumY, sumXX, sumXY, from, to float64
	trend = Trend{Scope: scope, Last: last, Source: t.sources[s.source].Name}
	for year := last - trendYears; year <= last; year++ {
		y, ok := s.at(year)
		if !ok {
			continue
		}
		if n == 0 {
			trend.First, from = year, y
		}
		x := float64(year - last)
		n, sumX, sumY, sumXX, sumXY, to = n+1, sumX+x, sumY+y, sumXX+x*x, sumXY+x*y, y
	}
	if n < 2 {
		return trend, false, nil
	}
	trend.PerYear = Grams((n*sumXY - sumX*sumY) / (n*sumXX - sumX*sumX))
	if from > 0 {
		change := to/from - 1
		trend.Change = &change
	}
	return trend, true, nil
}
