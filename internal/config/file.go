package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/carbonctl/carbonctl/internal/nearest"
)

// inFile reads the settings of a TOML file; one that is not there says nothing.
func inFile(all []Setting, path string, project bool) []given {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var keys map[string]any
	if err == nil {
		_, err = toml.Decode(string(text), &keys)
	}
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		err = named.Err // its path is said anyway
	}
	if err != nil {
		where := path
		if at := (toml.ParseError{}); errors.As(err, &at) {
			where, err = fmt.Sprintf("%s:%d", path, at.Position.Line), errors.New(at.Message)
		}
		return []given{{origin: path, where: where, err: err}}
	}
	lines := map[string]int{}
	for key := range keys {
		lines[key] = lineOf(string(text), key)
	}
	inOrder := slices.SortedFunc(maps.Keys(keys), func(x, y string) int {
		return cmp.Or(cmp.Compare(lines[x], lines[y]), cmp.Compare(x, y))
	})
	var list []given
	for _, key := range inOrder {
		g := given{origin: path, where: fmt.Sprintf("%s:%d: %s", path, lines[key], key)}
		i := slices.IndexFunc(all, func(s Setting) bool { return s.Key == key })
		switch {
		case i < 0:
			g.err = unknownKey(all, key, project)
			list = append(list, g)
		case project && !all[i].Project:
			g.Setting = all[i]
			g.err = errors.New("not allowed in a project's file; set it in your own config.toml")
			list = append(list, g)
		default:
			g.Setting = all[i]
			list = append(list, g.of(keys[key])...)
		}
	}
	return list
}

// of gives a setting its value as TOML has it: text, a number, a truth, or a
// table of labels.
func (g given) of(v any) (list []given) {
	switch v := v.(type) {
	case string, int64, float64, bool:
		g.value = fmt.Sprint(v)
		return []given{g}
	case map[string]any:
		if g.Key != Label {
			break
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			g.value = k + "=" + fmt.Sprint(v[k])
			list = append(list, g)
		}
		return list
	}
	g.err = fmt.Errorf("invalid value %.40q: use text or a number", fmt.Sprint(v))
	return []given{g}
}

// lineOf finds the line that sets a key, 1 if it can't tell.
func lineOf(text, key string) int {
	re := regexp.MustCompile(`(?m)^[ \t]*(?:\[[ \t]*)?"?` + regexp.QuoteMeta(key) + `"?[ \t]*(?:[=.\]])`)
	at := re.FindStringIndex(text)
	if at == nil {
		return 1
	}
	return 1 + strings.Count(text[:at[0]], "\n")
}

func unknownKey(all []Setting, key string, project bool) error {
	if near := nearest.Of(key, slices.Values(keys(all, project))); near != "" {
		return fmt.Errorf("unknown setting; did you mean %q?", near)
	}
	return errors.New("unknown setting")
}
