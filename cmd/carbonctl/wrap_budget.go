package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/session"
)

// budgetFlags say what a command may use, and what is done when it has.
type budgetFlags struct{ session.Budget }

func (b *budgetFlags) add(f *pflag.FlagSet) {
	f.StringVar(&b.Limit, "budget", "", "what the command may use, `AMOUNT`: 500g, 2kWh, 3h, 2EUR")
	f.StringVar(&b.Action, "on-budget", session.Warn, "what is done then, `ACTION`: warn, stop, exec:CMD, webhook:URL")
	f.Float64Var(&b.Price, "price", 0, "what a kWh costs, `X`, for a budget of money")
	f.BoolVar(&b.Predicted, "budget-predicted", false, "act before an epoch that would not fit")
	f.DurationVar(&b.Grace, "budget-grace", 10*time.Second, "`TIME` between asking the command to stop and killing it")
}
