package main

import (
	"bytes"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/carbonctl/carbonctl/footprint"
)

// checkSchema: [!] schema FILE… validates the JSON of runs by their schema.
func checkSchema(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: schema FILE…")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(footprint.JSONSchema()))
	ts.Check(err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	ts.Check(c.AddResource("report.json", doc))
	schema, err := c.Compile("report.json")
	ts.Check(err)
	for _, file := range args {
		run, err := jsonschema.UnmarshalJSON(strings.NewReader(ts.ReadFile(file)))
		ts.Check(err)
		switch err := schema.Validate(run); {
		case err != nil && !neg:
			ts.Fatalf("%s: %v", file, err)
		case err == nil && neg:
			ts.Fatalf("%s conforms", file)
		}
	}
}
