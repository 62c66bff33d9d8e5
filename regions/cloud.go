package regions

import (
	"fmt"
	"iter"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Point is a place on the globe in degrees, north and east positive.
type Point struct{ Lat, Lon float64 }

// earthRadius is the mean radius R1 of the IUGG (GRS 80), in km.
const earthRadius = 6371.0088

// Kilometres is the length of the great circle from p to q.
func (p Point) Kilometres(q Point) float64 {
	const radian = math.Pi / 180
	dLat, dLon := (q.Lat-p.Lat)*radian/2, (q.Lon-p.Lon)*radian/2
	h := math.Pow(math.Sin(dLat), 2) + math.Cos(p.Lat*radian)*math.Cos(q.Lat*radian)*math.Pow(math.Sin(dLon), 2)
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

// A CloudRegion is where a cloud provider lets its customers run.
type CloudRegion struct {
	Provider string // "aws"
	Region   string // "eu-west-1"
	Zone     string // code of the zone whose grid feeds it
	// City in or near which it is, as far as the provider publishes it, and its Point; "" and
	// zero where it doesn't.
	City  string
	Point Point
	// Announced by its provider, but not yet open when the table was made.
	Announced bool

	figures []Figure
}

// String is the region as it is written in a Query: "aws:eu-west-1".
func (c CloudRegion) String() string { return c.Provider + ":" + c.Region }

// label is the region as errors name it.
func (c CloudRegion) label() string {
	if c.City == "" {
		return c.String()
	}
	return fmt.Sprintf("%s (%s)", c, c.City)
}

// special are the names of regions that a customer of a provider can't choose freely: AWS
// Local Zones and Wavelength Zones, which are a region's name with a place behind it, have a
// few kinds of machine; government, sovereign, secret and canary regions ask for an account
// of their own, or for an invitation.
var special = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(aws:([a-z]+(-[a-z]+)+-\d+-.+|(us-gov|eusc|us-iso[a-z]*)-.+)|azure:(us(gov|dod|sec|nat).+|.+euap))$`)
})

// Special reports whether it is a region that most customers can't move to: a Local Zone or
// a Wavelength Zone of AWS, or one for governments, for a sovereign cloud or for tests.
func (c CloudRegion) Special() bool { return special().MatchString(c.String()) }

// Measure is what a Figure counts.
type Measure string

// What providers publish. HourlyCFE and AnnualCFE are not comparable: the first
// matches carbon-free energy with use hour by hour on the grid, the second by
// contracts over a year.
const (
	PUEMeasure   Measure = "pue"        // energy of the building over that of its computers
	WUEMeasure   Measure = "wue"        // litres of water per kWh
	HourlyCFE    Measure = "cfe-hourly" // carbon-free energy in per cent
	AnnualCFE    Measure = "cfe-annual" // the same
	GridFactor   Measure = "grid"       // g/kWh of its grid, by the provider's own reckoning
	MarketFactor Measure = "market"     // g/kWh by its contracts
)

// A Figure is what a provider publishes of a region for a year.
type Figure struct {
	Measure Measure `json:"measure"`
	Year    int     `json:"year"`
	Value   float64 `json:"value"`
	Source  string  `json:"source"`
	Licence string  `json:"licence"`
}

// Figures are all that the provider publishes of the region, by measure, then
// year.
func (c CloudRegion) Figures() []Figure { return slices.Clone(c.figures) }

// Figure is that of a year, or the newest for year 0.
func (c CloudRegion) Figure(m Measure, year int) (Figure, bool) { return newest(c.figures, m, year) }

func newest(figures []Figure, m Measure, year int) (f Figure, ok bool) {
	for _, g := range figures {
		if g.Measure == m && (g.Year == year || year == 0 && g.Year > f.Year) {
			f, ok = g, true
		}
	}
	return f, ok
}

// Clouds gives all cloud regions, by provider and name.
func (t *Table) Clouds() iter.Seq[CloudRegion] {
	return func(yield func(CloudRegion) bool) {
		if t.places == nil {
			return
		}
		for c := range t.places().clouds() {
			if !yield(*c) {
				return
			}
		}
	}
}

// also are other names of providers.
func also(provider string) string {
	switch provider {
	case "amazon", "ec2":
		return "aws"
	case "google", "gce":
		return "gcp"
	case "microsoft", "az":
		return "azure"
	case "ovh":
		return "ovhcloud"
	case "do":
		return "digitalocean"
	case "aliyun", "alicloud":
		return "alibaba"
	case "oci":
		return "oracle"
	}
	return provider
}

// Cloud finds a cloud region by provider and name, whatever the case, or by the
// name of an availability zone in it: "eu-west-1a", "europe-west6-a". The error
// is an *UnknownError.
func (t *Table) Cloud(provider, region string) (CloudRegion, error) {
	c := t.cloud(provider, region)
	if c == nil {
		return CloudRegion{}, t.unknownCloud(provider, region)
	}
	return *c, nil
}

// maxID is more than the name of any region has.
const maxID = 96

func (t *Table) cloud(provider, region string) *CloudRegion {
	region = strings.TrimSpace(region)
	fleet := t.provider(provider)
	if fleet == nil || len(region) > maxID {
		return nil
	}
	var room [maxID]byte
	key := appendLower(room[:0], region)
	held := fleet.held()
	if i, ok := held.by[string(key)]; ok {
		return &held.clouds[i]
	}
	// It may be a zone in a region.
	for n := len(key) - 1; n > 0 && len(key)-n <= maxSuffix; n-- {
		if i, ok := held.by[string(key[:n])]; ok && isZoneSuffix(fleet.provider, string(key[n:])) {
			return &held.clouds[i]
		}
	}
	return nil
}

// appendLower appends ASCII in lower case.
func appendLower(to []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}

// provider is what a provider has, by any of its names and in any case; nil if it is not
// known.
func (t *Table) provider(name string) *fleet {
	name = also(strings.ToLower(strings.TrimSpace(name)))
	if t.places == nil || name == "" {
		return nil
	}
	return t.places().fleet(name)
}

// cloudsOf are the regions of one provider.
func (t *Table) cloudsOf(provider string) []CloudRegion {
	if fleet := t.provider(provider); fleet != nil {
		return fleet.held().clouds
	}
	return nil
}

// cloudOf is the cloud region with the code "aws:eu-west-1", or nil.
func (t *Table) cloudOf(code string) *CloudRegion {
	provider, region, ok := strings.Cut(code, ":")
	if !ok {
		return nil
	}
	return t.cloud(provider, region)
}

// maxSuffix is the longest that stands behind a region's name: "-ad-3", "-dc14".
const maxSuffix = 5

// isZoneSuffix tells what stands behind a region's name in that of one of its
// zones: a letter (aws, coreweave, alibaba), a dash and a letter or number (gcp, alibaba,
// scaleway, tencent, ibm), a dash, "dc" and a number (hetzner), "-az" (azure) or "-ad-"
// (oracle) and a number, or a number (ovhcloud).
func isZoneSuffix(provider, s string) bool {
	dashed, dash := strings.CutPrefix(s, "-")
	digits := func(s string) bool {
		return s != "" && len(s) <= 2 && strings.Trim(s, "0123456789") == ""
	}
	letter := func(s string) bool { return len(s) == 1 && s[0] >= 'a' && s[0] <= 'z' }
	numbered := func(prefix string) bool { return strings.HasPrefix(dashed, prefix) && digits(dashed[len(prefix):]) }
	switch provider {
	case "aws", "coreweave":
		return letter(s)
	case "alibaba": // eu-west-1a, cn-hangzhou-b
		return letter(s) || dash && letter(dashed)
	case "ovhcloud":
		return digits(s)
	case "hetzner":
		return dash && numbered("dc")
	case "azure":
		return dash && (numbered("az") || digits(dashed))
	case "oracle":
		return dash && numbered("ad-")
	}
	return dash && (letter(dashed) || digits(dashed))
}

// unknownCloud names the regions of the provider that are most like the one
// asked for or, where the provider isn't known, one of each of the providers most
// like it.
func (t *Table) unknownCloud(provider, region string) error {
	if fleet := t.provider(provider); fleet != nil && strings.TrimSpace(region) == "" {
		return fmt.Errorf("%s is a cloud provider of %d regions: name one, such as %s", fleet.provider, len(fleet.held().clouds), fleet.held().clouds[0].label())
	}
	e := &UnknownError{Zone: provider + ":" + region}
	asked := string(fold(nil, region))
	nearest := func(clouds []CloudRegion, n int) {
		far := func(c CloudRegion) int { return distance(asked, strings.ToLower(c.Region)) }
		clouds = slices.SortedStableFunc(slices.Values(clouds), func(a, b CloudRegion) int { return far(a) - far(b) })
		for _, c := range clouds[:min(n, len(clouds))] {
			if far(c) <= max(2, near(asked)) {
				e.Nearest = append(e.Nearest, c.label())
			}
		}
	}
	if nearest(t.cloudsOf(provider), 3); len(e.Nearest) == 0 {
		for _, p := range t.nearestProviders(provider) {
			nearest(t.cloudsOf(p), 1)
		}
	}
	return e
}

// nearestProviders are at most three whose name is near the one asked for.
func (t *Table) nearestProviders(provider string) []string {
	names := t.providers()
	asked := string(fold(nil, provider))
	far := func(name string) int {
		least := distance(asked, name)
		for _, other := range []string{"amazon", "google", "microsoft", "aliyun", "oci"} {
			if also(other) == name {
				least = min(least, distance(asked, other))
			}
		}
		return least
	}
	names = slices.DeleteFunc(names, func(name string) bool { return far(name) > max(1, near(asked)) })
	slices.SortStableFunc(names, func(a, b string) int { return far(a) - far(b) })
	return names[:min(3, len(names))]
}

// providers are the names of all of them.
func (t *Table) providers() (names []string) {
	if t.places == nil {
		return nil
	}
	for _, f := range t.places().fleets {
		if f.provider != "" { // the industry
			names = append(names, f.provider)
		}
	}
	return names
}
