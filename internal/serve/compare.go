package serve

import (
	"bytes"
	"fmt"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/report/page"
)

// maxCompared is how many runs stand beside each other.
const maxCompared = 8

// compare renders two or more runs beside each other, or the form that chooses them.
func (p *pages) compare(a *asked) ([]byte, string, error) {
	if err := a.read(page.CompareFormats(), "run…"); err != nil {
		return nil, "", err
	}
	ids := a.params.values["run"]
	if len(ids) > maxCompared {
		return nil, "", badRequest{fmt.Errorf("%d runs given: the maximum is %d", len(ids), maxCompared)}
	}
	beside := page.Compare{Home: "/"}
	for _, id := range ids {
		run, err := p.find(a.state, id)
		if err != nil {
			return nil, "", err
		}
		beside.Runs = append(beside.Runs, run.Report)
		beside.Links = append(beside.Links, runAddress(run.Report.RunID))
	}
	if a.format == "html" && len(ids) < 2 {
		return p.choose(a, ids)
	}
	if len(ids) < 2 {
		return nil, "", badRequest{fmt.Errorf("give two or more runs: ?run=ID&run=ID")}
	}
	var b bytes.Buffer
	err := beside.Write(&b, a.format)
	return b.Bytes(), kinds[a.format], err
}

var choosePage = parts(`<title>Compare runs · carbonctl</title><meta http-equiv="Content-Security-Policy" content="{{.Policy}}">`, `<h1>Compare runs</h1>
<p class="soft">The {{len .Runs}} that started last; any other by its ID in the address: <code>/compare?run=ID&amp;run=ID</code></p>
<form method="get" action="/compare">{{$p := .}}{{range $i, $l := .Labels}}<label for="run{{$i}}">{{$l}}</label><select id="run{{$i}}" name="run" required>
{{range $j, $r := $p.Runs}}<option value="{{$r.ID}}"{{if eq $r.ID (index $p.Chosen $i)}} selected{{end}}>{{$r.Text}}</option>
{{end}}</select>{{end}}<br><button>Compare</button></form><p><a href="/">All runs</a></p>`)

// choose renders the form: two of the runs that started last.
func (p *pages) choose(a *asked, ids []string) ([]byte, string, error) {
	type choice struct{ ID, Text string }
	var list []choice
	for _, r := range p.views.choices.of(a.state.Rows).newest() {
		text := r.StartedAt.UTC().Format("2006-01-02 15:04")
		if r.Project != "" {
			text += " " + format.Clean(r.Project)
		}
		list = append(list, choice{r.RunID, text + " " + string(r.Status) + ", " + format.Energy(r.Energy)})
	}
	chosen := [2]string{}
	copy(chosen[:], ids)
	for i := range chosen {
		if chosen[i] == "" && i < len(list) {
			chosen[i] = list[i].ID
		}
	}
	var b bytes.Buffer
	err := choosePage().ExecuteTemplate(&b, "page", map[string]any{"Runs": list, "Labels": []string{"First run", "Second run"}, "Chosen": chosen, "Policy": ownPolicy()})
	return b.Bytes(), kinds["html"], err
}
