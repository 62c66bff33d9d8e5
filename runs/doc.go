// Package runs is what many runs add up to. A [Row] is one run as one line of a
// ledger; a [Filter] takes some of them; [Groups] add them up by what they have in
// common; [Recompute] says what a run would have emitted with other factors, and
// [Compare] what work would emit in other places. Like package footprint, from
// whose reports rows are made, it is arithmetic on plain values and does no I/O.
package runs
