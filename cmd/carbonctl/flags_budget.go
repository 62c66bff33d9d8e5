package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/session"
)

// budgetFlags say what a command may use, and what is done when it has.
type budgetFlags struct{ session.Budget }

func (b *budgetFlags) add(f *pflag.FlagSet) {
	f.StringVar(&b.Limit, "budget", "", "limit of the run, `AMOUNT`: 500g, 2kWh, 3h, 2EUR")
	f.StringVar(&b.Action, "on-budget", session.Warn, "`ACTION` at the budget: warn, stop, exec:CMD, webhook:URL")
	f.Float64Var(&b.Price, "price", 0, "price `X` of a kWh, for a budget of money")
	f.BoolVar(&b.Predicted, "budget-predicted", false, "act before an epoch that would exceed the budget")
	f.DurationVar(&b.Grace, "budget-grace", 10*time.Second, "`TIME` from TERM to KILL when stopping the command")
}
