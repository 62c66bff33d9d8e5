package footprint

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// JSONSchema gives the schema of a Report in JSON (JSON Schema, draft 2020-12),
// made from the type itself. Keys are only ever added, so that further ones are
// allowed everywhere.
func JSONSchema() []byte {
	defs := &object{}
	root := schemaOf(reflect.TypeFor[Report](), defs)
	b, err := json.MarshalIndent(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", "urn:carbonctl:run:v1"}, // the version is that of Schema
		{"title", "The footprint of one run"},
		{"$ref", root.get("$ref")},
		{"$defs", *defs},
	}, "", "  ")
	if err != nil {
		panic(err) // texts, lists and objects always encode; a test does it
	}
	return append(b, '\n')
}

// object is a JSON object that keeps the order of its keys.
type object []member

type member struct {
	key   string
	value any
}

func (o object) get(key string) any {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, m := range o {
		b.WriteByte("{,"[min(i, 1)])
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(append(append(key, ':'), value...))
	}
	if len(o) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// enums are the types whose values are all known. Others may get more.
func enum(t reflect.Type) []any {
	switch t {
	case reflect.TypeFor[Status]():
		return []any{Running, Completed, Failed, Interrupted, Recovered}
	case reflect.TypeFor[Charge]():
		return []any{ChargeMachine, ChargeProcess}
	case reflect.TypeFor[energy.Basis]():
		return []any{energy.Measured, energy.Modelled}
	}
	return nil
}

// schemaOf gives the schema of a type, and adds structs to defs.
func schemaOf(t reflect.Type, defs *object) object {
	if values := enum(t); values != nil {
		return object{{"type", "string"}, {"enum", values}}
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{{"type", "string"}, {"format", "date-time"}}
	case reflect.TypeFor[energy.Energy]():
		return object{{"type", "number"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return orNull(schemaOf(t.Elem(), defs))
	case reflect.Slice:
		return orNull(object{{"type", "array"}, {"items", schemaOf(t.Elem(), defs)}})
	case reflect.Map:
		return orNull(object{{"type", "object"}, {"additionalProperties", schemaOf(t.Elem(), defs)}})
	case reflect.Struct:
		name := nameOf(t)
		if name == "" {
			return structOf(t, defs)
		}
		if defs.get(name) == nil {
			i := len(*defs)
			*defs = append(*defs, member{name, nil}) // its place, before those it names
			(*defs)[i].value = structOf(t, defs)
		}
		return object{{"$ref", "#/$defs/" + name}}
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Float32, reflect.Float64:
		return object{{"type", "number"}}
	case reflect.String:
		return object{{"type", "string"}}
	}
	return object{{"type", "integer"}}
}

// nameOf names a type. What a generic one is made of stands behind its name:
// Range[energy.Energy] is RangeEnergy, since a $ref takes neither brackets nor
// slashes.
func nameOf(t reflect.Type) string {
	name, of, generic := strings.Cut(t.Name(), "[")
	if !generic {
		return name
	}
	of = strings.TrimSuffix(of, "]")
	of = of[strings.LastIndexAny(of, "/.")+1:]
	return name + strings.ToUpper(of[:1]) + of[1:]
}

func structOf(t reflect.Type, defs *object) object {
	properties, required := object{}, []string{}
	addFields(t, defs, &properties, &required)
	return object{{"type", "object"}, {"properties", properties}, {"required", required}}
}

// addFields adds the keys of a struct, and those of the structs embedded in it.
func addFields(t reflect.Type, defs, properties *object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && f.Anonymous:
			addFields(f.Type, defs, properties, required)
			continue
		case name == "" || name == "-":
			continue
		}
		s := schemaOf(f.Type, defs)
		if d := describe(nameOf(t), name); d != "" {
			s = append(s, member{"description", d})
		}
		*properties = append(*properties, member{name, s})
		if !strings.Contains(options, "omit") && f.Type != reflect.TypeFor[*Receipt]() { // the row holds the hash of what is kept
			*required = append(*required, name)
		}
	}
}

func orNull(s object) object {
	if name, ok := s.get("type").(string); ok && s.get("enum") == nil {
		s[0] = member{"type", []string{name, "null"}}
		return s
	}
	return object{{"anyOf", []object{s, {{"type", "null"}}}}}
}
