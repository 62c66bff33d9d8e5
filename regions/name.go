package regions

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/internal/nearest"
)

// maxKey is the longest folded name in bytes; no zone's is nearly as long.
const maxKey = 64

// fold appends to key the form in which names are compared: lower case, without
// accents, apostrophes, full stops and a leading "the", with one hyphen for
// every other run of punctuation and space. So "Côte d’Ivoire" is
// "cote-divoire" and "US CA" is "us-ca", but "AU-S" never becomes "aus". What
// is too long folds to nothing.
func fold(key []byte, name string) []byte {
	gap := false
	for _, r := range name {
		var plain string
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
		case r == '.' || r == '\'' || r == '’' || r == '‘' || r == '`' || unicode.Is(unicode.Mn, r):
			continue
		case r == '&':
			plain, gap = "and", true
		case r < utf8.RuneSelf || !unicode.IsLetter(r):
			gap = true
			continue
		default:
			plain = unaccented(r)
		}
		if len(key)+2+utf8.UTFMax > maxKey {
			return nil
		}
		if gap && len(key) > 0 {
			key = append(key, '-')
		}
		gap = r == '&'
		if plain != "" {
			key = append(key, plain...)
		} else {
			key = utf8.AppendRune(key, unicode.ToLower(r))
		}
	}
	if bytes.HasPrefix(key, []byte("the-")) {
		return append(key[:0], key[len("the-"):]...)
	}
	return key
}

// unaccented is the letter without its accent as English writes it, "" for
// letters of other alphabets. It covers what country and province names need.
func unaccented(r rune) string {
	switch unicode.ToLower(r) {
	case 'à', 'á', 'â', 'ã', 'ä', 'å', 'ā', 'ă', 'ą':
		return "a"
	case 'æ':
		return "ae"
	case 'ç', 'ć', 'č':
		return "c"
	case 'ð', 'ď', 'đ':
		return "d"
	case 'è', 'é', 'ê', 'ë', 'ē', 'ė', 'ę', 'ě':
		return "e"
	case 'ğ':
		return "g"
	case 'ì', 'í', 'î', 'ï', 'ī', 'ı':
		return "i"
	case 'ł':
		return "l"
	case 'ñ', 'ń', 'ň':
		return "n"
	case 'ò', 'ó', 'ô', 'õ', 'ö', 'ø', 'ō', 'ő':
		return "o"
	case 'œ':
		return "oe"
	case 'ř':
		return "r"
	case 'ś', 'š', 'ş', 'ș':
		return "s"
	case 'ß':
		return "ss"
	case 'ť', 'ț', 'ţ':
		return "t"
	case 'ù', 'ú', 'û', 'ü', 'ū', 'ů', 'ű':
		return "u"
	case 'ý', 'ÿ':
		return "y"
	case 'ź', 'ż', 'ž':
		return "z"
	}
	return ""
}

// near is how many letters a name may be off to be suggested. It is less than where a word
// is one of a few: among thousands of names some are always alike.
// Of three letters or fewer each is a third of the name: none may be off.
func near(asked string) int { return len(asked) / 4 }

// nearest gives the labels of at most n zones whose code or name is near the
// one asked for: what it begins or is begun by, then by edit distance. Of
// equals those that share a longer beginning come first, then those with more
// figures, which people ask for more often. Then come names of other kinds.
func (t *Table) nearest(name string, n int) []string {
	type likeness struct{ zone, distance, shared, figures int }
	asked := string(fold(nil, name))
	if asked == "" {
		return nil
	}
	all := make([]likeness, len(t.zones))
	var room [maxKey]byte
	for i := range t.zones {
		z := &t.zones[i]
		best := likeness{zone: i, distance: 2 * maxKey}
		for key := range z.keys() {
			k := string(fold(room[:0], key))
			d, s := distance(asked, k), sharedPrefix(asked, k)
			if d < best.distance || d == best.distance && s > best.shared {
				best.distance, best.shared = d, s
			}
		}
		for _, s := range z.all() {
			if t.sources[s.source].ID != derived {
				best.figures += len(s.values)
			}
		}
		all[i] = best
	}
	slices.SortFunc(all, func(a, b likeness) int {
		return cmp.Or(a.distance-b.distance, b.shared-a.shared, b.figures-a.figures, a.zone-b.zone)
	})
	labels := t.cityZones(asked)
	labels = labels[:min(n, len(labels))]
	for _, l := range all[:min(n, len(all))] {
		if label := t.label(int32(l.zone)); l.distance <= near(asked) && len(labels) < n && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	for _, label := range t.nearestAliases(asked) {
		if len(labels) < n && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	return labels
}

// cityZones gives the labels of the zones in which a city of that folded name is known. It
// is for suggestions alone: other cities of the name may not be known.
func (t *Table) cityZones(asked string) (labels []string) {
	if t.places == nil {
		return nil
	}
	var room [maxKey]byte
	for _, c := range t.places().cities() {
		if string(fold(room[:0], c.name)) != asked {
			continue
		}
		if i, ok := t.codes[strings.ToLower(c.zone)]; ok {
			labels = append(labels, t.label(i))
		}
	}
	return labels
}

// nearestAliases gives the labels of what names of other kinds near the one asked for
// stand for, the nearest first.
func (t *Table) nearestAliases(asked string) (labels []string) {
	if t.aliases == nil {
		return nil
	}
	type likeness struct {
		distance    int
		key, target string
	}
	var all []likeness
	most := near(asked)
	for key, target := range t.aliases().all() {
		if off := len(key) - len(asked); off > most || off < -most {
			continue
		}
		if d := distance(asked, key); d <= most {
			all = append(all, likeness{d, key, target})
		}
	}
	slices.SortFunc(all, func(a, b likeness) int { return cmp.Or(a.distance-b.distance, strings.Compare(a.key, b.key)) })
	for _, l := range all {
		labels = append(labels, t.targetLabel(l.target))
	}
	return labels
}

func sharedPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// distance is 0 where one of the names begins the other, 1 where a later word
// of k begins with the name asked for, else that of their letters.
func distance(asked, k string) int {
	switch {
	case strings.HasPrefix(k, asked), strings.HasPrefix(asked, k+"-"):
		return 0
	case len(asked) >= 4 && strings.Contains(k, "-"+asked):
		return 1
	}
	return nearest.Distance(asked, k)
}
