// Command gen makes the embedded tables of package regions, table.txt, places.txt,
// names.txt and hours.txt, from the readable tables in regions/data. It is run by go generate
// ./regions; a test fails when they are not what it would write.
//
// With -owid FILE it first replaces the figures of Our World in Data in
// data/intensity.csv by those of FILE, the CSV that their chart's download
// button gives. docs/regions.md describes the yearly refresh.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "directory of package regions")
	owid := flag.String("owid", "", "CSV of Our World in Data to take new figures from")
	flag.Parse()
	if err := run(*dir, *owid); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir, owid string) error {
	data := os.DirFS(filepath.Join(dir, "data"))
	if owid != "" {
		download, err := os.ReadFile(owid)
		if err != nil {
			return err
		}
		figures, skipped, err := refresh(data, download)
		if err != nil {
			return fmt.Errorf("%s: %w", owid, err)
		}
		for _, s := range skipped {
			fmt.Fprintln(os.Stderr, "gen: left out:", s)
		}
		if err := os.WriteFile(filepath.Join(dir, "data", "intensity.csv"), figures, 0o644); err != nil {
			return err
		}
	}
	texts, err := build(data)
	if err != nil {
		return err
	}
	for file, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
