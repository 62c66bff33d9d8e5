package report

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// The parts of a BoAmps report that we can fill in: its schema as of 2026,
// https://github.com/Boavizta/BoAmps/tree/main/model. Keys and units (kWh, s,
// gCO2eq/kWh, Gbytes) are its own.
type (
	boampsReport struct {
		Header         boampsHeader         `json:"header"`
		Task           boampsTask           `json:"task"`
		Measures       []boampsMeasure      `json:"measures"`
		System         *boampsSystem        `json:"system,omitempty"`
		Infrastructure boampsInfrastructure `json:"infrastructure"`
		Environment    *boampsEnvironment   `json:"environment,omitempty"`
		Quality        string               `json:"quality,omitempty"`
	}
	boampsHeader struct {
		SpecificationURI string `json:"formatVersionSpecificationUri"`
		ReportID         string `json:"reportId,omitempty"`
		Date             string `json:"reportDatetime"`
		Status           string `json:"reportStatus"`
	}
	boampsTask struct {
		Stage       string            `json:"taskStage"`
		Family      string            `json:"taskFamily"`
		Requests    float64           `json:"nbRequest,omitempty"`
		Algorithms  []boampsAlgorithm `json:"algorithms"`
		Dataset     []boampsData      `json:"dataset"`
		Description string            `json:"taskDescription,omitempty"`
	}
	boampsAlgorithm struct {
		Epochs int `json:"epochsNumber,omitempty"`
	}
	boampsData struct {
		Usage string `json:"dataUsage"`
		Type  string `json:"dataType"`
	}
	boampsMeasure struct {
		Method      string  `json:"measurementMethod"`
		Version     string  `json:"version,omitempty"`
		CPU         string  `json:"cpuTrackingMode,omitempty"`
		GPU         string  `json:"gpuTrackingMode,omitempty"`
		Consumption float64 `json:"powerConsumption"`
		Duration    float64 `json:"measurementDuration"`
		Date        string  `json:"measurementDateTime,omitempty"`
	}
	boampsSystem struct {
		OS string `json:"os"`
	}
	boampsInfrastructure struct {
		Type       string            `json:"infraType"`
		Provider   string            `json:"cloudProvider,omitempty"`
		Components []boampsComponent `json:"components"`
	}
	boampsComponent struct {
		Name   string `json:"componentName,omitempty"`
		Type   string `json:"componentType"`
		Number int    `json:"nbComponent"`
		Memory int    `json:"memorySize,omitempty"`
	}
	boampsEnvironment struct {
		Country  string  `json:"country"`
		Location string  `json:"location,omitempty"`
		PerKWh   float64 `json:"powerSourceCarbonIntensity"`
	}
)

const (
	boampsURI  = "https://raw.githubusercontent.com/Boavizta/BoAmps/main/model/report_schema.json"
	boampsDate = "2006-01-02 15:04:05"
)

// boampsTypes are the kinds of data that BoAmps knows.
var boampsTypes = []string{"tabular", "audio", "boolean", "image", "video", "object", "text", "token", "word", "other"}

// boamps is the report of an AI task in BoAmps. It requires the nature of the
// task and of its data, which no counter tells, and the machine.
func boamps(t runs.Total, a About) (string, error) {
	var needs []string
	for _, n := range []struct{ name, value string }{{"stage", a.Stage}, {"family", a.Family}, {"data", a.Data}} {
		if n.value == "" {
			needs = append(needs, n.name)
		}
	}
	if a.Run == nil {
		needs = append(needs, "run")
	}
	if len(needs) > 0 {
		return "", &NeedError{BoAmps, needs}
	}
	if !slices.Contains(boampsTypes, a.Data) {
		return "", fmt.Errorf("statement %s: data is %.40q, not one of %s", BoAmps, a.Data, strings.Join(boampsTypes, ", "))
	}
	v := boampsReport{
		Header:         boampsHeader{SpecificationURI: boampsURI, Date: stamp(a.Date), Status: "final"},
		Task:           boampsTask{Stage: a.Stage, Family: a.Family, Algorithms: []boampsAlgorithm{{}}, Dataset: []boampsData{{"input", a.Data}}, Description: a.Subject},
		Measures:       []boampsMeasure{boampsOf(t, *a.Run)},
		Infrastructure: boampsMachine(*a.Run),
		Quality:        quality(t),
	}
	if t.Runs == 1 {
		v.Header.ReportID = a.Run.RunID
		v.Task.Algorithms[0].Epochs = t.Epochs
	}
	if a.Stage == "inference" && a.Unit == "request" {
		v.Task.Requests = a.Units
	}
	if a.Run.Host.OS != "" {
		v.System = &boampsSystem{a.Run.Host.OS}
	}
	if len(t.Grids) == 1 {
		for g, c := range t.Grids {
			if g.Zone != "" && regions.Kind(g.Kind) != regions.WorldDefault {
				country, _, _ := strings.Cut(g.Zone, "-")
				v.Environment = &boampsEnvironment{Country: country, Location: location(t, a), PerKWh: float64(c.PerKWh())}
			}
		}
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", fmt.Errorf("statement %s: %w", BoAmps, err)
	}
	return string(b) + "\n", nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(boampsDate)
}

func boampsOf(t runs.Total, r footprint.Report) boampsMeasure {
	m := boampsMeasure{Method: "carbonctl", Version: strings.TrimPrefix(tool(t), "carbonctl "), Consumption: t.Energy.KilowattHours(),
		Duration: t.Duration.Seconds(), Date: stamp(t.First)}
	if m.Version == "carbonctl" {
		m.Version = ""
	}
	sources := map[energy.Kind][]string{}
	for _, l := range r.Components {
		if l.Within == nil && l.Energy != nil && *l.Energy > 0 && !slices.Contains(sources[l.Kind], l.Source) {
			sources[l.Kind] = append(sources[l.Kind], l.Source)
		}
	}
	m.CPU, m.GPU = strings.Join(sources[energy.CPU], "+"), strings.Join(sources[energy.GPU], "+")
	return m
}

func boampsMachine(r footprint.Report) boampsInfrastructure {
	// "other" is the schema's word for what is none of its kinds: we know only
	// whether it is a public cloud.
	v := boampsInfrastructure{Type: "other"}
	if r.Region.Provider != nil {
		v.Type, v.Provider = "publicCloud", *r.Region.Provider
	}
	var packages []string
	for _, l := range r.Components {
		if l.Kind == energy.CPU && l.Within == nil && !slices.Contains(packages, l.ID) {
			packages = append(packages, l.ID)
		}
	}
	v.Components = append(v.Components, boampsComponent{Name: r.Host.CPUModel, Type: "cpu", Number: max(1, len(packages))})
	for name, n := range inOrder(r.Host.GPUs) {
		v.Components = append(v.Components, boampsComponent{Name: name, Type: "gpu", Number: n})
	}
	if gb := math.Round(float64(r.Host.MemoryBytes) / 1e9); gb > 0 {
		v.Components = append(v.Components, boampsComponent{Type: "ram", Number: 1, Memory: int(gb)})
	}
	return v
}

// quality is how far the truth may be off: within 10, 25 or 50 %; "" beyond.
func quality(t runs.Total) string {
	if t.Energy == 0 || t.Unbounded() {
		return ""
	}
	off := float64(max(t.High-t.Energy, t.Energy-t.Low)) / float64(t.Energy)
	for _, q := range []struct {
		within float64
		word   string
	}{{0.10, "high"}, {0.25, "medium"}, {0.50, "low"}} {
		if off <= q.within {
			return q.word
		}
	}
	return ""
}
