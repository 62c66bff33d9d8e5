package footprint

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/report.schema.json; read the difference")

const schemaFile = "../docs/report.schema.json"

// The file in docs is the types' own. Its changes must be additions: a key that
// is required in it stays.
func TestSchemaFile(t *testing.T) {
	if *update {
		require.NoError(t, os.WriteFile(schemaFile, JSONSchema(), 0o644))
	}
	want, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(JSONSchema()), "run go test ./footprint -run Schema -update")
}

// compiled is the schema as a validator of others has it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSONSchema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("report.json", doc))
	s, err := c.Compile("report.json")
	require.NoError(t, err)
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, v any) error {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	require.NoError(t, err)
	return s.Validate(doc)
}

// Every key has a description, and every description a key.
func TestSchemaDescribesEveryKey(t *testing.T) {
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(JSONSchema(), &schema))
	used := map[string]bool{}
	for name, def := range schema.Defs {
		assert.Regexp(t, `^[A-Za-z0-9]+$`, name, "a $ref takes no other names")
		for key, p := range def.Properties {
			assert.NotEmpty(t, p.Description, "%s.%s", name, key)
			used[p.Description] = true
			for suffix, unit := range map[string]string{"_joules": "oules", "_g": "rams", "_g_per_kwh": "rams", "_s": "econds", "_w": "watts"} {
				if strings.HasSuffix(key, suffix) {
					assert.Contains(t, p.Description, unit, "%s.%s: its unit", name, key)
				}
			}
		}
	}
	for key, d := range descriptions {
		assert.True(t, used[d], "%s is described and not there", key)
	}
}

func TestReportsConformToTheSchema(t *testing.T) {
	schema := compiled(t)
	var texts [][]byte
	paths, err := filepath.Glob("../testdata/traces/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		texts = append(texts, b)
	}
	var a Account
	empty, err := json.Marshal(a.Report())
	require.NoError(t, err)
	zero, err := json.Marshal(Report{Status: Recovered, Charge: ChargeProcess})
	require.NoError(t, err)
	for _, b := range append(texts, empty, zero) {
		var v map[string]any
		require.NoError(t, json.Unmarshal(b, &v))
		assert.NoError(t, valid(t, schema, v))
		for key := range v {
			less := map[string]any{}
			for k, e := range v {
				if k != key {
					less[k] = e
				}
			}
			if err := valid(t, schema, less); key == "ledger" { // which the file beside the ledger lacks
				assert.NoError(t, err)
			} else {
				assert.Error(t, err, "without %s", key)
			}
			less[key] = true // nothing at the top is a boolean
			assert.Error(t, valid(t, schema, less), "with a wrong %s", key)
		}
	}
}
