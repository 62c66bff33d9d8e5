package page_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
)

// ofOneRun are the pictures that one run has.
func ofOneRun() []page.Picture {
	return []page.Picture{page.PowerPicture, page.EpochsPicture, page.PredictionPicture}
}

func TestRunPictures(t *testing.T) {
	r := page.Run{Run: report.Run{Report: finetune()}}
	column, err := page.ParseSize("85mm")
	require.NoError(t, err)
	for _, p := range ofOneRun() {
		var b bytes.Buffer
		require.NoError(t, r.SVG(&b, p, page.Size{}))
		reporttest.Golden(t, "testdata/run-finetune-"+string(p)+".svg", b.Bytes())
		b.Reset()
		require.NoError(t, r.SVG(&b, p, column))
		reporttest.Golden(t, "testdata/run-finetune-"+string(p)+"-85mm.svg", b.Bytes())
		var none *page.PictureError
		require.ErrorAs(t, page.Run{}.SVG(&b, p, page.Size{}), &none)
		assert.Equal(t, p, none.Picture)
	}
	for _, wrong := range []page.Picture{"pie", page.ComparisonPicture} {
		assert.ErrorContains(t, r.SVG(io.Discard, wrong, page.Size{}), "unknown picture")
	}
	r.Project = reporttest.Hostile
	var b bytes.Buffer
	require.NoError(t, r.SVG(&b, page.PowerPicture, column))
	assert.NotContains(t, b.String(), "<script")
}

// compared are runs of which one is measured, one modelled, and one unknown up to a bound.
func compared() []footprint.Report {
	first := finetune()
	second, third := finetune(), finetune()
	second.Project, second.Labels, second.MeasuredShare = "ablation of a tokenizer with a long name", nil, new(0.0)
	second.Emissions, second.EmissionsLow, second.EmissionsHigh = first.Emissions/2, first.Emissions/4, new(first.Emissions)
	third.Labels = map[string]string{reporttest.Hostile: "x"}
	third.Energy, third.EnergyLow, third.Emissions, third.EmissionsLow, third.EmissionsHigh, third.MeasuredShare, third.Components = 0, 0, 0, 0, nil, nil, nil
	return []footprint.Report{first, second, third}
}

func TestComparison(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, page.CompareSVG(&b, compared(), page.Size{Width: 85}))
	reporttest.Golden(t, "testdata/comparison-85mm.svg", b.Bytes())
	assert.Contains(t, b.String(), "unknown")
	assert.NotContains(t, b.String(), "<script")

	// Emissions of two scopes are not put beside each other: their energy is.
	scopes := compared()[:2]
	scopes[1].Intensity.Scope = regions.Direct
	b.Reset()
	require.NoError(t, page.CompareSVG(&b, scopes, page.Size{}))
	assert.Contains(t, b.String(), "<title>Energy of 2 runs</title>")

	assert.Error(t, page.CompareSVG(&b, compared()[:1], page.Size{}))
	assert.ErrorContains(t, page.CompareSVG(&b, compared()[2:], page.Size{}), "2 to 12 runs, not 1")
	assert.ErrorContains(t, page.CompareSVG(&b, []footprint.Report{compared()[2], compared()[2]}, page.Size{}), "nothing is known")
}

func TestPicturesHaveTheSizeThatWasAskedFor(t *testing.T) {
	r := page.Run{Run: report.Run{Report: finetune()}}
	for text, want := range map[string][2]float64{
		"85mm": {85, 0}, "174mm": {174, 0}, "85x60mm": {85, 60}, "85mmx60mm": {85, 60}, "174 x 90": {174, 90}, "17.4cm": {174, 0}, "4in": {101.6, 0},
	} {
		size, err := page.ParseSize(text)
		require.NoError(t, err, text)
		assert.InDelta(t, want[0], size.Width, 1e-9)
		assert.InDelta(t, want[1], size.Height, 1e-9)
		for _, p := range ofOneRun() {
			var b bytes.Buffer
			require.NoError(t, r.SVG(&b, p, size))
			m := regexp.MustCompile(`viewBox="0 0 ([0-9.]+) ([0-9.]+)" width="([0-9.]+)mm" height="([0-9.]+)mm"`).FindStringSubmatch(b.String())
			require.NotNil(t, m, "%s %s", text, p)
			assert.InDelta(t, want[0], lengthOf(t, m[3]), 0.1)
			if want[1] > 0 {
				assert.InDelta(t, want[1], lengthOf(t, m[4]), 0.2, "%s %s", text, p)
			}
			assert.InDelta(t, lengthOf(t, m[1])/lengthOf(t, m[2]), lengthOf(t, m[3])/lengthOf(t, m[4]), 0.02, "nothing is stretched")
			d := xml.NewDecoder(&b)
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, wrong := range []string{"", "mm", "85px", "0", "-85mm", "85mmx", "10mm", "5000mm", "85x5mm", "NaN", "1e9", "85x60x40", "Infmm"} {
		_, err := page.ParseSize(wrong)
		assert.Error(t, err, wrong)
	}
}

func lengthOf(t *testing.T, s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return x
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"85mm", "85x60mm", "4in", "x", "1e400mm"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if size, err := page.ParseSize(s); err == nil {
			assert.True(t, size.Width >= 60 && size.Width <= 1000 && size.Height >= 0 && size.Height <= 1000, "%v", size)
		}
	})
}

// Solid bands are told apart without colour, and programs for papers know the style: no
// variables, no media.
func TestPicturesInGrey(t *testing.T) {
	style, err := os.ReadFile("picture.css")
	require.NoError(t, err)
	assert.NotContains(t, string(style), "var(")
	assert.NotContains(t, string(style), "@")
	var greys []float64
	for _, kind := range []string{"gpu", "cpu", "memory", "other"} {
		m := regexp.MustCompile(`\.k-` + kind + `\.measured[^{]*\{ fill: #([0-9a-f]{6})`).FindStringSubmatch(string(style))
		require.NotNil(t, m, kind)
		greys = append(greys, lightness(t, m[1]))
	}
	for i := range greys {
		for j := range greys[:i] {
			assert.Greater(t, math.Abs(greys[i]-greys[j]), 10.0, "%v", greys)
		}
	}
}

// lightness is L* of CIE Lab, of a colour of sRGB.
func lightness(t *testing.T, hex string) float64 {
	y := 0.0
	for i, w := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		require.NoError(t, err)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		y += w * c
	}
	return 116*math.Cbrt(y) - 16
}

// However a name is, it stays within its picture's text.
func TestPicturesEscapeNames(t *testing.T) {
	for _, name := range []string{reporttest.Hostile, strings.Repeat("x", 200), "مشروع"} {
		all := compared()
		for i := range all {
			all[i].Project = name
		}
		var b bytes.Buffer
		require.NoError(t, page.CompareSVG(&b, all, page.Size{Width: 85}))
		assert.NotContains(t, b.String(), "<script")
		assert.NotContains(t, b.String(), strings.Repeat("x", 80))
	}
}
