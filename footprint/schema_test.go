package footprint

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

func parsedSchema(t *testing.T) map[string]any {
	var schema map[string]any
	require.NoError(t, json.Unmarshal(JSONSchema(), &schema))
	return schema
}

// conform says where a value is not as a schema wants it: the part of JSON Schema
// that ours uses.
func conform(schema, root map[string]any, v any, at string) (faults []string) {
	for key := range schema {
		if !slices.Contains([]string{"$schema", "$id", "$defs", "title", "$ref", "anyOf", "type", "enum", "format", "properties", "required", "items", "additionalProperties"}, key) {
			return []string{"the schema has a " + key + ", which is not checked here"}
		}
	}
	if ref, ok := schema["$ref"].(string); ok {
		def := root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")]
		if def == nil {
			return []string{at + ": no " + ref}
		}
		return conform(def.(map[string]any), root, v, at)
	}
	if any, ok := schema["anyOf"].([]any); ok {
		for _, s := range any {
			if faults = conform(s.(map[string]interface{}), root, v, at); faults == nil {
				return nil
			}
		}
		return faults
	}
	types, ok := schema["type"].([]any)
	if !ok {
		types = []any{schema["type"]}
	}
	if kind := typeOf(v); !slices.Contains(types, any(kind)) && !(kind == "integer" && slices.Contains(types, any("number"))) {
		return []string{fmt.Sprintf("%s: %v is not %v", at, v, types)}
	}
	if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, v) {
		return []string{fmt.Sprintf("%s: %v is none of %v", at, v, values)}
	}
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); schema["format"] == "date-time" && err != nil {
			faults = append(faults, at+": no time")
		}
	case []any:
		for i, e := range v {
			faults = append(faults, conform(schema["items"].(map[string]any), root, e, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		required, _ := schema["required"].([]any)
		for _, key := range required {
			if _, ok := v[key.(string)]; !ok {
				faults = append(faults, fmt.Sprintf("%s: no %s", at, key))
			}
		}
		properties, _ := schema["properties"].(map[string]any)
		for key, e := range v {
			if s, ok := properties[key].(map[string]any); ok {
				faults = append(faults, conform(s, root, e, at+"."+key)...)
			} else if s, ok := schema["additionalProperties"].(map[string]any); ok {
				faults = append(faults, conform(s, root, e, at+"."+key)...)
			}
		}
	}
	return faults
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

func TestReportsConformToTheSchema(t *testing.T) {
	schema := parsedSchema(t)
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
		assert.Empty(t, conform(schema, schema, v, "report"))
		for key := range v {
			less := map[string]any{}
			for k, e := range v {
				if k != key {
					less[k] = e
				}
			}
			assert.NotEmpty(t, conform(schema, schema, less, "report"), "without %s", key)
			less[key] = true // nothing at the top is a boolean
			assert.NotEmpty(t, conform(schema, schema, less, "report"), "with a wrong %s", key)
		}
	}
}
