package output

import (
	"encoding/json"
	"io"
)

// JSON writes a value as indented JSON, with a final newline and without escapes that
// only a page needs.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
