package screen

import (
	"cmp"
	"fmt"
	"io"

	"github.com/carbonctl/carbonctl/internal/layout"
)

// Settings are those in force. Its JSON keys are only ever added to.
type Settings struct {
	Settings []Effective `json:"settings"`
	Problems []string    `json:"problems"`
}

// Text shows a line for each setting, never folded: they are searched for.
func (s Settings) Text(w io.Writer, origin bool) error {
	var p layout.Page
	for _, v := range s.Settings {
		value := cmp.Or(v.Value, "none")
		if origin {
			value += " (" + v.Origin + ")"
		}
		p.Line(fmt.Sprintf("%-15s  %s", v.Key, value))
	}
	for _, text := range s.Problems {
		p.Line(fmt.Sprintf("%-15s  %s", "problem", text))
	}
	_, err := p.WriteTo(w)
	return err
}
