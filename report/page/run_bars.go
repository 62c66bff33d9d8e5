package page

// A chart is amounts in the order of time, as a picture shows them.
type chart struct {
	title   string
	caption string // what else it takes to read the picture
	bars    []bar
}

// A bar is one amount of a chart; full names it where there is room. Without a value it is
// a gap.
type bar struct {
	label, full, value string
	x                  float64
}
