package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
)

//go:embed run.svg
var pictureSource string

//go:embed picture.css
var pictureStyle string

var pictureTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.Must(template.New("run").Parse(runSource)).New("picture").Parse(pictureSource))
})

// A Picture is one of the pictures for a paper.
type Picture string

// The pictures.
const (
	PowerPicture      Picture = "power"      // power over time
	EpochsPicture     Picture = "epochs"     // energy of each epoch
	PredictionPicture Picture = "prediction" // what was predicted, against the truth
	ComparisonPicture Picture = "comparison" // several runs beside each other: [CompareSVG]
)

// Pictures are the names of all pictures.
func Pictures() []Picture {
	return []Picture{PowerPicture, EpochsPicture, PredictionPicture, ComparisonPicture}
}

// A PictureError reports that a run has no data for a picture.
type PictureError struct{ Picture Picture }

// Error names what the run lacks.
func (e *PictureError) Error() string {
	return fmt.Sprintf("the run has no %s to draw", map[Picture]string{
		PowerPicture: "power", EpochsPicture: "two epochs with known energy", PredictionPicture: "two predictions of known emissions",
	}[e.Picture])
}

// SVG writes a picture of the run for a paper, in a size: on white, in colours that differ
// in grey too, with no style that a program for papers would not know. It needs nothing
// else. The error is a *PictureError where the run has no such thing.
func (run Run) SVG(w io.Writer, picture Picture, size Size) error {
	if !slices.Contains(Pictures(), picture) || picture == ComparisonPicture {
		return fmt.Errorf("unknown picture %.40q of one run: use power, epochs or prediction", picture)
	}
	s := sheetOf(size, picture)
	p := run.page()
	s.title, s.foot = "", ""
	for range 2 { // once more where the height is given, which all but the plot take from
		if err := run.draw(&s, picture, p); err != nil {
			return err
		}
		if !s.fit() {
			break
		}
	}
	return s.write(w)
}

// draw draws a picture of the run into its place on a sheet.
func (run Run) draw(s *pictureSheet, picture Picture, p runPage) error {
	r := run.Report
	switch picture {
	case PowerPicture:
		d := drawPower(r, r.Curves(maxPoints), s.frame)
		if d == nil {
			return &PictureError{picture}
		}
		s.data, s.title, s.foot, s.height = map[string]any{"Power": d}, "Power over time", d.Note, number(d.Height)
		if s.size.Width > 0 && d.GridText != "" { // there is less room beside the plot
			s.foot += " Grid: " + d.GridText + "."
			d.GridText = "g/kWh"
		}
	case EpochsPicture:
		d := drawEpochs(r, s.frame)
		if d == nil {
			return &PictureError{picture}
		}
		s.data, s.title, s.foot, s.height = map[string]any{"Epochs": d}, d.Title, strings.SplitAfter(d.Note, ". ")[0], number(d.Frame.Height)
	case PredictionPicture:
		d := drawFan(r, s.frame)
		if d == nil {
			return &PictureError{picture}
		}
		s.data, s.title, s.height = map[string]any{"Fan": d}, "Predicted emissions, after each epoch", number(d.Frame.Height)
		if r.Prediction.Level != nil {
			s.foot = "Shaded: the " + facts.Level(*r.Prediction) + "."
		}
	}
	s.title += ", " + format.Clip(p.Name, 40)
	return nil
}
