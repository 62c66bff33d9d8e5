package report

import (
	"bufio"
	"encoding/json"
	"fmt"
)

// An object is a JSON object while it is written, indented as json.MarshalIndent
// does, field by field: what is written need not be held all at once.
type object struct {
	w    *bufio.Writer
	n    int
	fail error
}

func (o *object) name(name string) {
	if o.n++; o.n == 1 {
		o.text("{\n")
	} else {
		o.text(",\n")
	}
	o.text(fmt.Sprintf("  %q: ", name))
}

func (o *object) text(s string) {
	if o.fail == nil {
		_, o.fail = o.w.WriteString(s)
	}
}

func (o *object) value(v any, prefix string) {
	b, err := json.MarshalIndent(v, prefix, "  ")
	if o.fail == nil {
		o.fail = err
	}
	o.text(string(b))
}

// field writes a value.
func (o *object) field(name string, v any) {
	o.name(name)
	o.value(v, "  ")
}

// list writes an array of n values, each when its turn comes.
func (o *object) list(name string, n int, at func(i int) any) {
	o.name(name)
	if n == 0 {
		o.text("[]")
		return
	}
	for i := range n {
		if o.text("[,"[min(i, 1):min(i, 1)+1] + "\n    "); o.fail != nil {
			return
		}
		o.value(at(i), "    ")
	}
	o.text("\n  ]")
}

// end closes the object, and gives the first error.
func (o *object) end() error {
	o.text("\n}\n")
	if o.fail == nil {
		o.fail = o.w.Flush()
	}
	if o.fail != nil {
		return fmt.Errorf("report: %w", o.fail)
	}
	return nil
}
