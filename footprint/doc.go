// Package footprint turns what meters read into what a run has emitted: samples
// to spans, spans to shares, shares to emissions, emissions to a Report. It is
// arithmetic on plain values: the same samples give the same report, to the last
// digit. Recordings, events and lists of epochs are written to an io.Writer that is
// given; there is no other I/O.
//
// An [Account] adds [Sample]s up and gives a [Report] at any time.
package footprint
