package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/session"
)

// budgetFlags say what a command may use, and what is done when it has.
type budgetFlags struct {
	session.Budget
	price *footprint.Price // of a kWh, nil: not given
}

// priceFlag is the flag for the price of a kWh.
type priceFlag budgetFlags

func (p *priceFlag) Set(s string) error {
	price, err := footprint.ParsePrice(s)
	if err != nil {
		return err
	}
	p.price, p.Price, p.Currency = &price, price.PerKWh, price.Currency
	return nil
}

func (p *priceFlag) String() string {
	if p.price == nil {
		return ""
	}
	return strconv.FormatFloat(p.price.PerKWh, 'f', -1, 64) + p.price.Currency
}

func (*priceFlag) Type() string { return "price" }

// check reports a flag that does nothing without another.
func (b *budgetFlags) check(f *pflag.FlagSet) error {
	if err := needs(f, "on-budget", "budget", "budget-predicted", "budget", "budget-grace", "budget"); err != nil {
		return err
	}
	if f.Changed("budget-grace") && b.Action != "stop" {
		return errors.New("--budget-grace needs --on-budget stop")
	}
	return nil
}

func (b *budgetFlags) add(f *pflag.FlagSet) {
	f.StringVar(&b.Limit, "budget", "", "`AMOUNT` limit of this run: 500g, 2kWh, 3h, 2EUR")
	f.StringVar(&b.Action, "on-budget", session.Warn, "`ACTION` at the budget: warn, stop, exec:CMD, webhook:URL")
	f.Var((*priceFlag)(b), "price", "`PRICE` price per kWh, such as 0.30EUR, to show the cost")
	f.BoolVar(&b.Predicted, "budget-predicted", false, "act before an epoch that would exceed the budget")
	f.DurationVar(&b.Grace, "budget-grace", 10*time.Second, "`TIME` time from SIGTERM to SIGKILL when stopping the command")
}
