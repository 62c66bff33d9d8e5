// Command carbonctl measures the energy and the emissions of any program. Run
// "carbonctl wrap -- CMD" first; "carbonctl --help" lists the rest.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
