package layout

import (
	"math"
	"strings"

	"github.com/carbonctl/carbonctl/internal/format"
)

// A Screen is what text is written for. The zero Screen is a pipe or a file: 80 columns,
// no colour, no bars.
type Screen struct {
	// Width is in columns; 0 is 80.
	Width int
	// Home is the user's home directory: paths below it are shown from ~. "" is none.
	Home string
	// Bars says that it draws blocks, as terminals do; Color, that it has colours.
	Bars, Color bool
}

// Columns is the width of the screen.
func (s Screen) Columns() int {
	if s.Width <= 0 {
		return Width
	}
	return s.Width
}

// Path shows a path, from ~ where it is below the user's home.
func (s Screen) Path(p string) string {
	if rest, ok := strings.CutPrefix(p, strings.TrimRight(s.Home, `/\`)); ok && s.Home != "" && rest != "" && strings.ContainsAny(rest[:1], `/\`) {
		p = "~" + rest
	}
	return format.Clean(p)
}

// Bold makes text bold where the screen has colours.
func (s Screen) Bold(text string) string { return s.style("\x1b[1m", text) }

// Dim makes text faint where the screen has colours.
func (s Screen) Dim(text string) string { return s.style("\x1b[2m", text) }

// Red makes text red where the screen has colours.
func (s Screen) Red(text string) string { return s.style("\x1b[31m", text) }

func (s Screen) style(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return code + text + "\x1b[0m"
}

// Blocks draws parts of 1 as bars, of at most some columns, all padded to the longest of
// them; nil where the screen draws none.
func (s Screen) Blocks(parts []float64, most int) []string {
	if !s.Bars {
		return nil
	}
	bars, longest := make([]string, len(parts)), 0
	for i, part := range parts {
		eighths := int(math.Round(min(max(part, 0), 1) * 8 * float64(most)))
		if eighths == 0 && part > 0 {
			eighths = 1
		}
		bars[i] = strings.Repeat("█", eighths/8)
		if rest := eighths % 8; rest > 0 {
			bars[i] += string([]rune("▏▎▍▌▋▊▉")[rest-1])
		}
		longest = max(longest, format.Columns(bars[i]))
	}
	for i := range bars {
		bars[i] += strings.Repeat(" ", longest-format.Columns(bars[i]))
	}
	return bars
}
