package estimate

import (
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/internal/nearest"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// instances are types of cloud instances; NOTICE names their sources. A microarchitecture
// is a name of microarchs, several are alternatives; memory is in GiB; embodied_kg is the
// instance's part of what making its host emitted.
//
//go:embed data/instances.csv
var instances string

// Instance is a type of virtual or bare machine that a cloud lets.
type Instance struct {
	Name      string  // "aws:c7i.4xlarge"
	VCPUs     int     // 0: not known
	MemoryGiB float64 // 0: not known
	Model     Model   // of its part of the host's CPUs
	GPUs      int     // whole GPUs, 0: none, or not known: see FindInstance
	GPU       string  // their model
	// EmbodiedKg is its part, by vCPUs, of the kg of CO2 equivalent that making its host
	// emitted (Teads' method, in Cloud Carbon Footprint's coefficients); 0: not known.
	EmbodiedKg float64
}

// The errors of [FindInstance].
var (
	ErrUnknownInstance = errors.New("unknown instance type")
	// ErrUnknownGPUs: a type that has GPUs or kin, of which the table does not say which
	// and how many. The instance that comes with it is right but for those.
	ErrUnknownGPUs = errors.New("GPUs of this instance type not known")
)

// FindInstance finds a type by its name, with or without its provider: "aws:p4d.24xlarge",
// "Standard_NC4as_T4_v3", "n2d-highcpu-96", "ml.p4d.24xlarge". It does not resolve a name
// that two providers use.
func FindInstance(name string) (Instance, error) {
	want := instanceKey(name)
	var found []string
	for line := range strings.Lines(instances) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if len(f) != 11 || f[0] == "provider" {
			continue
		}
		if full := f[0] + ":" + f[1]; want == full || want == f[1] {
			if found != nil {
				return Instance{}, fmt.Errorf("%w %q: %s and %s have it", ErrUnknownInstance, name, found[0], f[0])
			}
			found = f
		}
	}
	if found == nil {
		return Instance{}, fmt.Errorf("%w %q", ErrUnknownInstance, name)
	}
	return parseInstance(found)
}

// NearInstance is the type whose name is most like one that no table has, "" if none is.
func NearInstance(name string) string {
	want := instanceKey(name)
	if strings.Contains(want, ":") {
		return nearest.Of(want, Instances())
	}
	full := map[string]string{}
	kinds := func(yield func(string) bool) {
		for name := range Instances() {
			_, kind, _ := strings.Cut(name, ":")
			if full[kind] = name; !yield(kind) {
				return
			}
		}
	}
	return full[nearest.Of(want, kinds)]
}

// Instances are the names of all types, with their providers.
func Instances() iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(instances) {
			f := strings.SplitN(line, ",", 3)
			if len(f) == 3 && f[0] != "provider" && !yield(f[0]+":"+f[1]) {
				return
			}
		}
	}
}

// providers are what people call the clouds of the table.
var providers = map[string]string{
	"aws": "aws", "amazon": "aws", "ec2": "aws", "azure": "azure", "microsoft": "azure", "gcp": "gcp", "google": "gcp", "gce": "gcp",
}

// instanceKey is a name as the table has it: after its provider and a colon, a slash or a
// blank, or alone as in Google's metadata ("projects/1/machineTypes/n2-standard-8"). Azure's
// types have no "Standard_" and blanks for underscores, SageMaker's no "ml.".
func instanceKey(name string) string {
	kind := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", " ")
	if _, last, ok := strings.Cut(kind, "/machinetypes/"); ok {
		kind = "gcp:" + last
	}
	provider := ""
	if at := strings.IndexAny(kind, ":/ "); at > 0 && (providers[kind[:at]] != "" || kind[at] == ':') {
		provider = kind[:at] + ":"
		if known := providers[kind[:at]]; known != "" {
			provider = known + ":"
		}
		kind = strings.TrimLeft(kind[at+1:], " ")
	}
	kind = strings.TrimPrefix(strings.Join(strings.Fields(kind), " "), "standard ")
	return provider + strings.TrimPrefix(kind, "ml.")
}

func parseInstance(f []string) (Instance, error) {
	in := Instance{Name: f[0] + ":" + f[1], GPU: f[7]}
	in.VCPUs, _ = strconv.Atoi(f[2])
	in.MemoryGiB, _ = strconv.ParseFloat(f[3], 64)
	in.GPUs, _ = strconv.Atoi(f[6])
	in.EmbodiedKg, _ = strconv.ParseFloat(f[9], 64)
	in.Model = instanceModel(f[0], f[1], f[4], f[5], in.VCPUs)
	if in.GPUs == 0 && accelerated(f[0], f[1]) {
		return in, fmt.Errorf("%w: %s", ErrUnknownGPUs, in.Name)
	}
	return in, nil
}

// instanceModel models the CPUs of an instance: of a bare one all that it has, else its
// vCPUs' part of the host.
func instanceModel(provider, kind, brand, archs string, vcpus int) Model {
	arch, rest, _ := strings.Cut(archs, "|")
	c := proc.CPU{Brand: brand, Threads: max(1, vcpus), Virtual: !strings.Contains(kind, "metal"), Product: kind}
	switch provider {
	case "aws":
		c.Maker = "Amazon EC2"
	case "gcp":
		c.Maker = "Google"
	}
	sockets := 1
	chip, _ := lookup(cpus, key(brand))
	smt := chip.cores == 0 || chip.threads > chip.cores
	for row := range strings.Lines(microarchs) {
		if m, err := parseMicroarch(row); err == nil && m.name == arch && arch != "" {
			c.Vendor, c.Family, c.Model, c.Stepping = m.vendor, m.family, m.model, max(0, m.from)
			if m.vendor == "ARM" {
				c.Vendor, c.Implementer, c.Part, c.Family, c.Model = "", m.family, m.model, 0, 0
			}
			smt = m.smt()
			break
		}
	}
	if !c.Virtual && chip.threads > 0 {
		sockets = max(1, vcpus/chip.threads)
	}
	c.Siblings = max(1, vcpus/sockets)
	c.Cores = c.Siblings
	if smt && !wholeCore(c) {
		c.Cores = max(1, c.Siblings/2)
	}
	for i := range sockets {
		c.Packages = append(c.Packages, i)
	}
	m := recognise(c, limits{})
	// What its vCPUs are is known here, and no CPU was asked for its model.
	m.Notes = slices.DeleteFunc(m.Notes, func(n Note) bool { return n.Code == "vcpu-thread" || n.Code == "cpu-generic" })
	if m.How == ByMicroarchitecture {
		m.note("instance-cpu", "no CPU model published, or no TDP of it: using the figures of the %s", m.SKU)
	}
	if rest != "" {
		m.note("instance-mix", "this type also runs on %s", strings.ReplaceAll(rest, "|", ", "))
	}
	m.withClock(0)
	return m
}

// accelerated reports a type with GPUs, or chips made for one cloud, by its family:
// https://aws.amazon.com/ec2/instance-types/, Azure's sizes overview, Google's machine
// families (2026).
func accelerated(provider, kind string) bool {
	var families []string
	switch provider {
	case "aws":
		families = []string{"p2", "p3", "p4", "p5", "p6", "g2", "g3", "g4", "g5", "g6", "g7", "gr6", "inf", "trn", "dl", "vt", "f1", "f2"}
	case "azure":
		families = []string{"nc", "nd", "ng", "nm", "np", "nv"}
	case "gcp":
		families = []string{"a2-", "a3-", "a4-", "g2-", "g4-", "ct"}
	}
	return slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(kind, f) })
}
