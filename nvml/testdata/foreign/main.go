// A program that is not ours: it imports the package like anybody, prints what a
// second of it reads, and asks go-nvml itself for something no old driver has.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	driver "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/nvml"
)

type output struct {
	OpenMillis, ReadMillis, CloseMillis int64
	OpenErr, ReadErr                    string
	Ways                                []nvml.Way
	First, Last                         []energy.Reading
	Direct                              int
}

func main() {
	runs, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	var out output
	devices, _ := nvml.Inspect(context.Background(), nvml.Options{Library: os.Args[1]})
	for _, d := range devices {
		out.Ways = append(out.Ways, d.Way)
	}
	begin := time.Now()
	m, err := nvml.Open(context.Background(), nvml.Options{Library: os.Args[1]})
	out.OpenMillis = time.Since(begin).Milliseconds()
	if err != nil {
		out.OpenErr = err.Error()
	}
	if m != nil {
		out.First, _ = m.Read(context.Background(), nil)
		time.Sleep(time.Duration(runs) * time.Millisecond)
		begin = time.Now()
		out.Last, err = m.Read(context.Background(), nil)
		out.ReadMillis = time.Since(begin).Milliseconds()
		if err != nil {
			out.ReadErr = err.Error()
		}
	}
	_, code := driver.SystemGetHicVersion()
	out.Direct = int(code)
	if m != nil {
		begin = time.Now()
		_ = m.Close()
		out.CloseMillis = time.Since(begin).Milliseconds()
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
