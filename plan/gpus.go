package plan

import (
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/internal/nearest"
)

// gpus is the rated board power of GPUs and TPUs; NOTICE has the sources. TPU v2 and v3
// are means that Patterson et al. published in 2021.
//
//go:embed data/gpus.csv
var gpus string

// GPU is a model of the table.
type GPU struct {
	Name     string
	Watts    float64 // rated power of one board; of a TPU its mean power at work
	MemoryGB float64 // 0: not known
	Source   string
	Part     float64 // of a board that a slice is: see SliceOf; 0 and 1 are all of it
	// Others are further models that the same name could mean.
	Others []string
}

// FindGPU finds a model by its name as people and drivers write it: "A100 SXM 80GB",
// "NVIDIA A100-SXM4-80GB", "v100". Of several it is the SXM board, or the first, and the
// others stand in Others. Where there is none, near are the most similar names.
func FindGPU(name string) (g GPU, near []string, ok bool) {
	want := gpuWords(name)
	if len(want) == 0 || laptop(name) {
		return GPU{}, nil, false
	}
	type candidate struct {
		GPU
		extra, shared, like int
	}
	var found, similar []candidate
	for line := range strings.Lines(gpus) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if len(f) != 4 || f[0] == "name" {
			continue
		}
		c := candidate{GPU: GPU{Name: f[0], Source: f[3]}}
		c.Watts, _ = strconv.ParseFloat(f[1], 64)
		c.MemoryGB, _ = strconv.ParseFloat(f[2], 64)
		has := gpuWords(c.Name)
		for _, w := range want {
			if slices.Contains(has, w) {
				c.shared++
			}
		}
		c.extra = len(has) - c.shared
		if c.shared == len(want) {
			found = append(found, c)
			continue
		}
		for _, w := range want { // a letter wrong in a word
			if slices.ContainsFunc(has, func(h string) bool { return len(w) > 1 && nearest.Distance(w, h) == 1 }) {
				c.like++
			}
		}
		if c.shared+c.like > 0 {
			similar = append(similar, c)
		}
	}
	if len(found) == 0 {
		slices.SortStableFunc(similar, func(a, b candidate) int {
			return 100*(b.shared+b.like-a.shared-a.like) + 10*(b.shared-a.shared) + a.extra - b.extra
		})
		for _, c := range similar[:min(5, len(similar))] {
			near = append(near, c.Name)
		}
		return GPU{}, near, false
	}
	// An exact name first; else the SXM board, which is the most common in data centres.
	best := slices.IndexFunc(found, func(c candidate) bool { return c.extra == 0 })
	if best < 0 {
		best = slices.IndexFunc(found, func(c candidate) bool { return slices.Contains(gpuWords(c.Name), "sxm") })
	}
	best = max(best, 0)
	g = found[best].GPU
	if found[best].extra > 0 {
		for _, c := range found {
			if c.Name != g.Name {
				g.Others = append(g.Others, c.Name)
			}
		}
	}
	return g, nil, true
}

// A laptop's GPU has the name of a board and little of its power. Of workstations' boards
// some are Max-Q.
var laptopName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(laptop|mobile|notebook|max-?q|mx ?\d{3}|[kmp]?\d{3,4}mx?)\b`)
})

func laptop(name string) bool {
	return laptopName().MatchString(name) && !strings.Contains(strings.ToLower(name), "workstation")
}

// slice is a part of a GPU (MIG): "a100_1g.5gb", "A100 MIG 1c.3g.20gb", "2g.20gb".
var slice = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)[ _-]*(?:\bmig[ _-]+)?(?:([1-7])c\.)?([1-7])g\.(\d+)gb.*$`)
})

// SliceOf is the board in the name of a slice, "" if it is not named, and the part of the
// board's compute that the slice has; 1 for what is no slice. NVIDIA cuts a GPU into seven,
// the A30 and the RTX PRO into four (MIG User Guide, "Supported MIG profiles", 2026).
func SliceOf(name string) (board string, part float64) {
	at := slice().FindStringSubmatchIndex(name)
	if at == nil {
		return name, 1
	}
	board = name[:at[0]]
	n, whole := float64(name[at[4]]-'0'), 7.0
	words := gpuWords(board)
	switch profile := name[at[4]:at[5]] + "g." + name[at[6]:at[7]]; {
	case slices.Contains(words, "a30"), slices.Contains(words, "pro"),
		slices.Contains([]string{"1g.6", "2g.12", "4g.24", "2g.48", "4g.96"}, profile):
		whole = 4
	}
	if at[2] >= 0 {
		n = min(n, float64(name[at[2]]-'0'))
	}
	return board, min(1, n/whole)
}

var separators = strings.NewReplacer("-", " ", "_", " ", "(", " ", ")", " ", "/", " ", ",", " ")

// gpuWords are the words of a name that tell models apart.
func gpuWords(name string) (words []string) {
	for _, w := range strings.Fields(separators.Replace(strings.ToLower(name))) {
		switch w {
		case "nvidia", "tesla", "geforce", "amd", "google", "intel", "habana", "gpu", "chip", "generation", "graphics", "hbm2", "hbm2e", "hbm3", "hbm3e":
			continue
		case "gb", "gib":
			if n := len(words); n > 0 { // "80 GB"
				words[n-1] += "gb"
			}
			continue
		}
		if strings.HasPrefix(w, "sxm") {
			w = "sxm"
		}
		if v, ok := strings.CutPrefix(w, "tpuv"); ok {
			words, w = append(words, "tpu"), "v"+v
		}
		words = append(words, unglued(w)...)
	}
	return words
}

const digits = "0123456789"

// unglued splits what people write as one word: "rtx4090", "1080ti", "80g".
func unglued(w string) (words []string) {
	for _, series := range [...]string{"rtx", "gtx", "rx"} {
		if rest, ok := strings.CutPrefix(w, series); ok && strings.ContainsAny(rest, digits) {
			words, w = append(words, series), rest
		}
	}
	if rest, ok := strings.CutPrefix(w, "gaudi"); ok && rest != "" {
		return append(words, "gaudi", rest)
	}
	if rest, ok := strings.CutSuffix(w, "g"); ok && rest != "" && strings.Trim(rest, digits) == "" {
		return append(words, w+"b")
	}
	for _, variant := range [...]string{"ti", "super", "xtx", "xt"} {
		if rest, ok := strings.CutSuffix(w, variant); ok && strings.TrimRight(rest, digits) != rest {
			return append(words, rest, variant)
		}
	}
	return append(words, w)
}
