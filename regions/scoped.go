package regions

import (
	"cmp"
	"context"
)

// A Scoped is a Provider all of whose figures are of one scope, and which knows it before it
// has any: what is used instead is then of that scope too. It is found by type assertion.
type Scoped interface {
	Provider
	Scope() Scope // "" if not known
}

// ScopeOf gives the scope in which a provider answers a query that asks for none, "" if
// that is not known.
func ScopeOf(p Provider) Scope {
	if s, ok := p.(Scoped); ok {
		return s.Scope()
	}
	return ""
}

// instead asks a table in place of a provider: for a figure of the scope that the
// provider counts, if the table has one.
func instead(ctx context.Context, of, table Provider, q Query) (Intensity, error) {
	scoped := q
	scoped.Scope = cmp.Or(q.Scope, ScopeOf(of))
	in, err := table.Intensity(ctx, scoped)
	if err != nil && scoped.Scope != q.Scope {
		return table.Intensity(ctx, q)
	}
	return in, err
}
