package output

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/carbonctl/carbonctl/internal/layout"
)

// widest is how many columns text takes on a terminal that has more.
const widest = 100

// Screen says what a writer shows text on: a terminal has its width, up to 100 columns,
// bars and colours, unless NO_COLOR is set to anything or TERM is dumb. What is none is
// the zero Screen.
func Screen(w io.Writer, env func(string) string) layout.Screen {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || env("TERM") == "dumb" {
		return layout.Screen{Home: env("HOME")}
	}
	s := layout.Screen{Home: env("HOME"), Bars: true, Color: env("NO_COLOR") == ""}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		s.Width = min(columns, widest)
	}
	return s
}
