package footprint_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

func TestParseAmount(t *testing.T) {
	for text, want := range map[string]footprint.Amount{
		"500g":         {Emissions: 500},
		"1.2 kgCO2e":   {Emissions: 1200},
		"1.2KGCO2EQ":   {Emissions: 1200},
		"3 kg CO₂-eq":  {Emissions: 3000},
		"300 mg CO2":   {Emissions: 0.3},
		"5KG":          {Emissions: 5000},
		"1ug":          {Emissions: 1e-6},
		"1 µg":         {Emissions: 1e-6},
		"1 \u03bcg":    {Emissions: 1e-6},
		"2t":           {Emissions: 2e6},
		"2kWh":         {Energy: 2 * energy.KilowattHour},
		"500KWH":       {Energy: 500 * energy.KilowattHour},
		"2 kwh":        {Energy: 2 * energy.KilowattHour},
		"1MWH":         {Energy: 1000 * energy.KilowattHour},
		"150Wh":        {Energy: 150 * energy.WattHour},
		"634 mJ":       {Energy: 634 * energy.Millijoule},
		"1e3J":         {Energy: 1000 * energy.Joule},
		"3.6MJ":        {Energy: energy.KilowattHour},
		".5kj":         {Energy: 500 * energy.Joule},
		"3h":           {Duration: 3 * time.Hour},
		"3H":           {Duration: 3 * time.Hour},
		"1h 30m":       {Duration: 90 * time.Minute},
		"2EUR":         {Money: 2, Currency: "EUR"},
		"2 eur":        {Money: 2, Currency: "eur"},
		"EUR 2":        {Money: 2, Currency: "EUR"},
		"$2.50":        {Money: 2.5, Currency: "$"},
		"2 €":          {Money: 2, Currency: "€"},
		"2562047788 g": {Emissions: 2562047788},
	} {
		got, err := footprint.ParseAmount(text)
		require.NoError(t, err, text)
		assert.InDelta(t, float64(want.Emissions), float64(got.Emissions), 1e-12*float64(want.Emissions))
		got.Emissions = want.Emissions
		assert.Equal(t, want, got, text)
	}
	const howTo = "use a number and a unit, such as 500g, 2kWh, 3h or 2EUR"
	for text, want := range map[string]string{
		"": howTo, "500": howTo, "g": howTo, "kWh": howTo, "1,5kg": howTo, "nanEUR": howTo, "5 apples": howTo, "1..2g": howTo,
		"EUR": howTo, "1e999g": howTo, "$2 EUR": howTo, "1.2kw": howTo, "1 lb": howTo, "5kgs": howTo, "CO2": howTo,
		"-5g": "it must be above 0", "0kWh": "it must be above 0", "-3h": "it must be above 0", "0s": "it must be above 0",
		"1e-9J": "it is less than 1 µJ", "50000MWh": "it is too large", "1e307kt": "it is too large",
		"2mwh": `"mwh" may be mWh or MWh`, "2mj": `"mj" may be mJ or MJ`,
	} {
		_, err := footprint.ParseAmount(text)
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), "invalid amount ", text)
		assert.Contains(t, err.Error(), ": "+want, text)
	}
}

func TestParseEnergy(t *testing.T) {
	for s, want := range map[string]energy.Energy{
		"1kWh": energy.KilowattHour, " 500 Wh ": 500 * energy.WattHour, "3.6MJ": energy.KilowattHour, "1e-3J": energy.Millijoule,
	} {
		got, err := footprint.ParseEnergy(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "1", "kWh", "NaNkWh", "1.2kw", "500g", "3h", "2EUR"} {
		_, err := footprint.ParseEnergy(s)
		require.Error(t, err, s)
		assert.Contains(t, err.Error(), "invalid energy ")
		assert.Contains(t, err.Error(), ": use a number and a unit, such as 1.2kWh")
	}
	_, err := footprint.ParseEnergy("-1kWh")
	assert.EqualError(t, err, `invalid energy "-1kWh": it must be above 0`)
}

func TestParseBudget(t *testing.T) {
	b, err := footprint.ParseBudget(" 1.2 kgCO2e ", 0)
	require.NoError(t, err)
	assert.Equal(t, &footprint.Budget{Limit: "1.2 kgCO2e", Emissions: 1200}, b)
	b, err = footprint.ParseBudget("2EUR", 0.3)
	require.NoError(t, err)
	assert.Equal(t, &footprint.Budget{Limit: "2EUR", Cost: 2, Price: 0.3}, b)
	for _, price := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		_, err = footprint.ParseBudget("2EUR", price)
		assert.ErrorContains(t, err, "price")
	}
}

// One of its fields is set, and what is shown can be read again.
func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"500g", "1.2 kgCO2e", "3h", "2EUR", "$5", "-1g", "1e400kWh", "5000000000kWh", ".g", "é", "9e9t", "1ns"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := footprint.ParseAmount(s)
		if err != nil {
			assert.Equal(t, footprint.Amount{}, a)
			return
		}
		set := 0
		for _, v := range []float64{float64(a.Emissions), a.Energy.Joules(), a.Duration.Seconds(), a.Money} {
			assert.False(t, v < 0 || math.IsInf(v, 0) || math.IsNaN(v), "%q", s)
			if v > 0 {
				set++
			}
		}
		if v := float64(a.Emissions); v > 0 && (v < 1e-9 || v > 1e15) || a.Money > 0 {
			return // not shown in full
		}
		assert.Equal(t, 1, set, "%q", s)
		again, err := footprint.ParseAmount(a.String())
		require.NoError(t, err, "%q is shown as %s", s, a)
		assert.InEpsilon(t, 1, ratio(again, a), 0.06, "%q is shown as %s", s, a)
	})
}

func ratio(a, b footprint.Amount) float64 {
	of := func(a footprint.Amount) float64 {
		return float64(a.Emissions) + a.Energy.Joules() + a.Duration.Seconds()
	}
	return of(a) / of(b)
}

func TestBudgetErrorShowsAmounts(t *testing.T) {
	for _, c := range []struct {
		e    footprint.BudgetError
		want string
	}{
		{footprint.BudgetError{Limit: "1ms", Used: 2000}, "budget exceeded: 2.0 s of 1 ms"},
		{footprint.BudgetError{Limit: "500g", Used: 1.006}, "budget exceeded: 503 g of 500 g"},
		{footprint.BudgetError{Limit: "2EUR", Used: 1.5}, "budget exceeded: 3.00 EUR of 2.00 EUR"},
		{footprint.BudgetError{Limit: "3.3Wh", Used: 0.825, Next: 0.177}, "the next epoch may exceed the budget: 2.72 Wh of 3.3 Wh used, up to 584 mWh more"},
		{footprint.BudgetError{Used: 1.03}, "budget exceeded: 103 %"},
	} {
		assert.EqualError(t, &c.e, c.want)
	}
}
