package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed run.svg
var pictureSource string

//go:embed picture.css
var pictureStyle string

var pictureTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.Must(template.New("run").Parse(runSource)).New("picture").Parse(pictureSource))
})

// A Picture is one of the pictures of a run's page.
type Picture string

// The pictures.
const (
	PowerPicture      Picture = "power"      // power over time
	EpochsPicture     Picture = "epochs"     // energy of each epoch
	PredictionPicture Picture = "prediction" // what was predicted, against the truth
)

// Pictures are the names that [Run.SVG] takes.
func Pictures() []Picture { return []Picture{PowerPicture, EpochsPicture, PredictionPicture} }

// A PictureError says that a run has nothing to show in a picture.
type PictureError struct{ Picture Picture }

func (e *PictureError) Error() string {
	return fmt.Sprintf("the run has no %s to draw", map[Picture]string{
		PowerPicture: "power", EpochsPicture: "two epochs with known energy", PredictionPicture: "two predictions of known emissions",
	}[e.Picture])
}

// SVG writes a picture of the run for a paper: on white, in colours that differ in grey
// too. It needs nothing else. The error is a *PictureError where the run has no such thing.
func (run Run) SVG(w io.Writer, picture Picture) error {
	if !slices.Contains(Pictures(), picture) {
		return fmt.Errorf("unknown picture %.40q: use power, epochs or prediction", picture)
	}
	r := run.Report
	p := run.page()
	data := map[string]any{"Style": template.CSS(pictureStyle)}
	title, foot, width, height := "", "", smallWidth, smallHeight
	switch {
	case picture == PowerPicture && p.Power != nil:
		data["Power"], title, foot, width = p.Power, "Power over time", p.Power.Note, powerWidth
		height, _ = strconv.ParseFloat(p.Power.Height, 64) // it is one of ours
	case picture == EpochsPicture && p.Epochs != nil:
		data["Epochs"], title, foot = p.Epochs, p.Epochs.Title, strings.SplitAfter(p.Epochs.Note, ". ")[0]
	case picture == PredictionPicture && p.Fan != nil:
		data["Fan"], title, foot = p.Fan, "Predicted emissions, after each epoch", ""
		if r.Prediction.Level != nil {
			foot = "Shaded: the " + levelText(*r.Prediction) + "."
		}
	default:
		return &PictureError{picture}
	}
	// The picture lies in the middle of the height: the title above, the note below.
	data["Title"], data["Foot"] = plain(title+", "+clip(p.Name, 40)), plain(foot)
	data["Width"], data["Height"], data["FootY"] = px(width), px(height+48), px(height+41)
	if err := pictureTemplate().Execute(w, data); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
