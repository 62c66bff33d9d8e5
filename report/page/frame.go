package page

import (
	"github.com/carbonctl/carbonctl/internal/format"
)

// A frame is where a picture stands in its view box: the plot lies between left and right,
// top and bottom. A narrow one has no room beside the plot.
type frame struct {
	width, left, right, top, bottom float64
	narrow                          bool
}

// placed is a frame as a template takes it.
type placed struct {
	Width, Left, Right, Bottom string
	Label, Clock, Beside       string // x of what the levels, the clock and the bands are named by
	Tick, Below                string // y of the end of a tick, and of a text below the plot
	Height                     string // of a small picture
	Narrow                     bool
}

func (f frame) placed() placed {
	return placed{
		Width: format.Pixels(f.width), Left: format.Pixels(f.left), Right: format.Pixels(f.right), Bottom: format.Pixels(f.bottom),
		Label: format.Pixels(f.left - 8), Clock: format.Pixels(f.left - 36), Beside: format.Pixels(f.right + 10),
		Tick: format.Pixels(f.bottom + 6), Below: format.Pixels(f.bottom + 20), Height: format.Pixels(f.bottom + 36), Narrow: f.narrow,
	}
}

// edge keeps a text within the plot.
func (f frame) edge(x float64) string {
	switch {
	case x < f.left+90:
		return "start"
	case x > f.right-90:
		return "end"
	}
	return "middle"
}
