package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// named gives totals in which all that people name has one name.
func named(s string) report.Totals {
	t := report.Totals{Groups: &runs.Groups{By: []runs.Key{runs.ByProject}}, Filter: runs.Filter{Hosts: []string{s}}}
	var latest runs.Rows
	for i := range 3 {
		r := reporttest.Row(i)
		r.Project = s
		r.Zone, r.IntensitySource, r.IntensityKind, r.ToolVersion = "x"+s, "x"+s, "x"+s, "x"+s // an empty column would go
		t.Groups.Add(r)
		latest = append(latest, r)
	}
	some := latest[0]
	some.Project = "x" // the column of projects would go too, where nothing has one
	t.Latest = append(latest, some)
	return t
}

var (
	tag = regexp.MustCompile(`<[^>]*>`)
	// Our own attributes hold no names but in these.
	attribute = regexp.MustCompile(`aria-label="[^"]*"`)
	numbers   = regexp.MustCompile(`"[-0-9. ]*"`)
)

func tags(html string) []string {
	return tag.FindAllString(numbers.ReplaceAllString(attribute.ReplaceAllString(html, ""), `""`), -1)
}

// latexLeft takes away all that latex may write for a name, and the commands of
// our own pages: a special character that is left has come through.
var latexLeft = regexp.MustCompile(`\\(textbackslash|textbraceleft|textbraceright|textasciitilde|textasciicircum|textless|textgreater|textbar|textquotedblright|textendash|dots)\{\}` +
	"|\\\\`\\{\\}|\\\\[$&#_%,]|\\{[\\[\\]*]\\}|-\\{\\}|\\$(\\\\mu|\\\\pm|-|\\\\times|_2)\\$" +
	`|CO\$_2\$e|\\(begin|end)\{(table|tabular)\}(\[htb\]|\{[lr]+\})?|\\(centering|hline|paragraph)\b|\\\\|\\(cite)\{carbonctl(-grid-\d+)?\}|% For the .bib file:|@misc\{carbonctl(-grid-\d+)?,`)

// FuzzNames puts a name into every form and looks whether it came out as a name:
// what surrounds it is the same as for a harmless one.
func FuzzNames(f *testing.F) {
	for _, s := range []string{reporttest.Hostile, "", " ", "x", "=1+1", "+1", "-1", "@x", "\t=1", "＝1", "'", "a|b", "|", "`", "``", "a`", "\\", "\\|", "\\\\|", "{", "}}", "%", "$", "[x]", "*",
		"\\end{tabular}", "--", "---", "</script>", "<!--", "-->", "]]>", "\"", "&amp;", "a\nb", "a\r\nb", "\x00", "\xff", "\u202e", "\u2028", "µ ± −", "CO2e", "https://x.y", "www.x.y",
		"@org/team", "org/repo#1", "![x](y)", "~~~", "!!python/object", ": x", "# x", "1.", "- x", "é", "漢字", strings.Repeat("long ", 40)} {
		f.Add(s)
	}
	harmless := named("x")
	about := report.About{Unit: "x", Units: 1}
	f.Fuzz(func(t *testing.T, s string) {
		v := named(s)
		var b, want bytes.Buffer
		render := func(write func(report.Totals, *bytes.Buffer) error) (got, harmlessGot string) {
			b.Reset()
			want.Reset()
			require.NoError(t, write(v, &b))
			require.NoError(t, write(harmless, &want))
			assert.True(t, utf8.Valid(b.Bytes()))
			for _, r := range b.String() {
				assert.False(t, unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r), "%q", r)
			}
			return b.String(), want.String()
		}

		got, plain := render(func(v report.Totals, b *bytes.Buffer) error { return page.Team{Totals: v}.Write(b, "html") })
		assert.Equal(t, tags(plain), tags(got), "HTML")

		got, plain = render(func(v report.Totals, b *bytes.Buffer) error { return v.Write(b, "markdown") })
		assert.Equal(t, lines(plain), lines(got), "Markdown")
		for i, l := range strings.Split(got, "\n") {
			if strings.HasPrefix(l, "|") {
				assert.Equal(t, bars(strings.Split(plain, "\n")[i]), bars(l), "cells of %q", l)
			}
		}
		for l := range strings.Lines(got) {
			assert.NotRegexp(t, `<[^bs/]|@[a-zA-Z]|[^\\]#\d`, outsideCode(l), "no HTML, no mention and no issue in %q", l)
		}

		got, _ = render(func(v report.Totals, b *bytes.Buffer) error { return v.Write(b, "csv") })
		cells, err := csv.NewReader(strings.NewReader(got)).ReadAll()
		require.NoError(t, err)
		require.Len(t, cells, 2)
		if c := strings.TrimLeftFunc(cells[1][0], unicode.IsSpace); c != "" {
			first, _ := utf8.DecodeRuneInString(c)
			assert.NotContains(t, "=+-@＝＋－＠", string(first))
		}

		b.Reset()
		require.NoError(t, v.Write(&b, "json")) // data, not a page: names stand in it as they are
		assert.True(t, json.Valid(b.Bytes()))

		got, plain = render(func(v report.Totals, b *bytes.Buffer) error { return v.Write(b, "latex") })
		assert.Equal(t, lines(plain), lines(got), "LaTeX")
		tex(t, got)

		got, _ = render(func(v report.Totals, b *bytes.Buffer) error {
			about := about
			about.Subject, about.Hardware = v.Filter.Hosts[0], v.Filter.Hosts[0]
			return report.Statement(b, report.Paper, v.Groups.Total, about)
		})
		tex(t, got)

		got, plain = render(func(v report.Totals, b *bytes.Buffer) error {
			return report.Statement(b, report.ModelCard, v.Groups.Total, report.About{Stage: "x" + v.Filter.Hosts[0], Hardware: "x" + v.Filter.Hosts[0], Location: "x" + v.Filter.Hosts[0]})
		})
		assert.Equal(t, lines(plain), lines(got), "YAML")
		for _, l := range strings.Split(strings.TrimSpace(got), "\n")[2:] {
			_, value, ok := strings.Cut(l, ": ")
			require.True(t, ok)
			assert.True(t, json.Valid([]byte(value)), "a quoted string: %s", value)
		}
	})
}

// outsideCode takes away the spans of code of a line, as CommonMark finds them.
func outsideCode(l string) string {
	var b strings.Builder
	for l != "" {
		run := len(l) - len(strings.TrimLeft(l, "`"))
		if run == 0 {
			n := 1
			if l[0] == '\\' && len(l) > 1 {
				n = 2
			}
			b.WriteString(l[:n])
			l = l[n:]
			continue
		}
		rest := l[run:]
		for end := rest; ; {
			i := strings.IndexByte(end, '`')
			if i < 0 { // opens nothing
				b.WriteString(l[:run])
				l = rest
				break
			}
			end = end[i:]
			n := len(end) - len(strings.TrimLeft(end, "`"))
			end = end[n:]
			if n == run {
				l = end
				break
			}
		}
	}
	return b.String()
}

func lines(s string) int { return strings.Count(s, "\n") }

// bars counts those that end a cell of a table.
func bars(line string) int {
	return strings.Count(line, "|") - strings.Count(line, `\|`)
}

func tex(t *testing.T, s string) {
	t.Helper()
	left := latexLeft.ReplaceAllString(s, "")
	for _, l := range strings.Split(left, "\n") {
		l = strings.ReplaceAll(strings.ReplaceAll(l, `\caption`, ""), `~`, "")
		assert.NotRegexp(t, `[\\$#%^]|_`, l, "left over")
	}
	depth := 0
	for _, r := range s {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		}
		assert.GreaterOrEqual(t, depth, 0, "braces")
	}
	assert.Zero(t, depth, "braces")
}
