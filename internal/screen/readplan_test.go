package screen

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What is no estimate is told in plain words.
func TestReadPlanOfSomethingElse(t *testing.T) {
	const whole = `{"schema":"` + EstimateSchema + `","energy_kwh":1,"energy_low_kwh":1,"energy_high_kwh":1,"pue":1`
	for text, want := range map[string]string{
		"":                       `not the JSON that "carbonctl estimate --json-file FILE" writes`,
		"x":                      `not the JSON that`,
		"null":                   `not the JSON that`,
		"[]":                     `not the JSON that`,
		"{}":                     `not the JSON that`,
		`{"a`:                    `not the JSON that`,
		"\xff\xfe{\x00}\x00":     `not the JSON that`,
		`{"schema":"x/v1"}`:      `schema "x/v1" is not ` + EstimateSchema,
		`{"energy_kwh":"5"}`:     "energy_kwh must be a number, not string",
		`{"schema":5}`:           "schema must be a text, not number",
		`{"method":[]}`:          "method must be a text, not array",
		`{"energy_kwh":1e999}`:   "energy_kwh must be a number, not number 1e999",
		whole + `,"pue":0.5}`:    "bounds that do not hold",
		whole + `,"pue":-1e300}`: "bounds that do not hold",
	} {
		_, err := ReadPlan(strings.NewReader(text))
		assert.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "Go ", text)
		assert.NotContains(t, err.Error(), "struct", text)
	}
	_, err := ReadPlan(strings.NewReader(whole + "}"))
	assert.NoError(t, err)
}
