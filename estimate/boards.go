package estimate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/internal/proc"
)

// board is a small computer whose power is known as a whole, at its supply.
type board struct {
	product    string // the beginning of what its firmware calls it
	idle, full float64
	band       float64 // 0: bandBoard
}

// boards are readings at the supply: Raspberry Pi 4 at 2.2 to 3.0 W idle and 5.4 to
// 6.4 W loaded (chipwired, 2022; pidramble, 2019); the others under HPL
// (geerlingguy/top500-benchmark be7b678, 2026, MIT), with an idle power in the
// proportion of the Pi 4's, which is weak. The longest beginning that fits counts. The last
// ones are makers' other boards: the median of those of that list with 4 or 8 cores, whose
// ends are 2.1 and 18 W.
var boards = [...]board{
	{"Raspberry Pi 4", 2.7, 6.4, 0},
	{"Raspberry Pi 400", 2.7, 6.4, 0},
	{"Raspberry Pi Compute Module 4", 2.2, 5.2, 0},
	{"Raspberry Pi CM4", 2.2, 5.2, 0},
	{"Raspberry Pi 5", 2.7, 12.7, 0},
	{"Raspberry Pi 500", 2.7, 11, 0},
	{"Raspberry Pi Compute Module 5", 2.7, 9.2, 0},
	{"Raspberry Pi CM5", 2.7, 9.2, 0},
	{"Raspberry Pi Zero 2", 0.8, 2.1, 0},
	{"Orange Pi 5", 3.7, 11.5, 0},
	{"Orange Pi CM4", 1.0, 4.0, 0},
	{"Radxa ROCK 5", 3.7, 12, 0},
	{"Radxa Computer Module 5", 3.7, 10, 0},
	{"Radxa CM5", 3.7, 10, 0},
	{"Turing Machines RK1", 3.7, 18.1, 0},
	{"Raspberry Pi", 2.7, 9.2, bandUnknown},
	{"Orange Pi", 2.7, 9.2, bandUnknown},
	{"Banana Pi", 2.7, 9.2, bandUnknown},
	{"Radxa", 2.7, 9.2, bandUnknown},
	{"Rockchip", 2.7, 9.2, bandUnknown},
	{"ODROID", 2.7, 9.2, bandUnknown},
	{"Milk-V", 2.7, 9.2, bandUnknown},
}

// boardChips are the chips that only such boards have, and a board that has one.
var boardChips = map[string]string{
	"bcm2711": "Raspberry Pi 4", "bcm2712": "Raspberry Pi 5", "rp3a0": "Raspberry Pi Zero 2", "bcm2837": "Raspberry Pi",
	"rk3588": "Radxa ROCK 5", "rk3588s": "Radxa ROCK 5", "rk3588s2": "Radxa ROCK 5", "rk3566": "Orange Pi CM4",
}

// boardOf finds the board a machine is. In a container that hides its firmware, four
// Cortex-A72 that are no virtual machine are a Raspberry Pi 4.
func boardOf(c proc.CPU) (found board, ok bool) {
	if c.Virtual || c.Vendor != "" { // those are ARM and RISC-V
		return board{}, false
	}
	words := strings.Fields(marks.Replace(strings.ToLower(c.Product)))
	product := strings.Join(words, " ")
	for _, b := range boards {
		if strings.HasPrefix(product, marks.Replace(strings.ToLower(b.product))) && len(b.product) > len(found.product) {
			found, ok = b, true
		}
	}
	for _, w := range words {
		if name := boardChips[w]; name != "" && (!ok || found.band > 0) {
			i := slices.IndexFunc(boards[:], func(b board) bool { return b.product == name })
			return boards[i], true
		}
	}
	if !ok && c.Implementer == 0x41 && c.Part == 0xd08 && c.Threads == 4 && c.Maker == "" && c.Product == "" {
		return boards[0], true
	}
	return found, ok
}

// bandBoard is the factor of the 90 % band of a board in the table.
const bandBoard = 1.4

// wholeBoard is the memory of a microarchitecture whose watts are a board's.
const wholeBoard = "board"

// boardNote says that a figure holds more than the CPU.
func boardNote(product string) string {
	return fmt.Sprintf("the figure is that of the whole board (%s) at its supply, memory included", product)
}
