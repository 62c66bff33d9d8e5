// Command train is a training loop that tracks its own footprint: a small neural
// network learns to tell the arms of a spiral apart, on points that it makes.
//
//	go run ./examples/train
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/report"
)

func main() {
	region := flag.String("region", "FR", "where this runs, such as FR or US-CA")
	epochs := flag.Int("epochs", 60, "how often to go through the points")
	flag.Parse()
	if err := run(*region, *epochs); err != nil {
		log.Fatal("train: ", err)
	}
}

func run(region string, epochs int) error {
	tracker, err := carbon.Start(context.Background(), carbon.Config{
		Region: region, Run: carbon.Run{Epochs: epochs},
	})
	if err != nil {
		return err // the Config is wrong; what can't be measured is no error
	}
	rng := rand.New(rand.NewPCG(1, 2)) // the same points and weights each time
	points := spiral(rng, 20_000)
	net := newNetwork(rng, 48)
	for epoch := 1; epoch <= epochs; epoch++ {
		e := tracker.Epoch()
		rate := 0.05 * (1 - float64(epoch-1)/float64(epochs))
		loss, right := net.epoch(rng, points, rate)
		e.End()
		if epoch%10 == 0 || epoch == epochs {
			fmt.Printf("epoch %d/%d  loss %.3f  accuracy %.1f %%\n", epoch, epochs, loss, 100*right)
		}
	}
	result, err := tracker.Stop()
	if err != nil {
		return err
	}
	return report.Text(os.Stdout, result)
}

// classes are the arms of the spiral.
const classes = 3

type point struct {
	x, y float64
	arm  int
}

// spiral makes points along arms that turn around each other, with noise.
func spiral(rng *rand.Rand, n int) []point {
	points := make([]point, n)
	for i := range points {
		arm, r := i%classes, rng.Float64()
		angle := 2*math.Pi*float64(arm)/classes + 4*r + 0.2*rng.NormFloat64()
		points[i] = point{r * math.Sin(angle), r * math.Cos(angle), arm}
	}
	return points
}

// network has two inputs, two hidden layers of equal width and an output for
// each class.
type network struct{ in, mid, out layer }

func newNetwork(rng *rand.Rand, width int) *network {
	return &network{newLayer(rng, 2, width), newLayer(rng, width, width), newLayer(rng, width, classes)}
}

// epoch shows every point once, in a new order, and learns from each. It returns
// the mean loss and the part of the points that were told right.
func (n *network) epoch(rng *rand.Rand, points []point, rate float64) (loss, right float64) {
	for _, i := range rng.Perm(len(points)) {
		p := points[i]
		hidden := n.in.forward([]float64{p.x, p.y}, true)
		hidden = n.mid.forward(hidden, true)
		odds := softmax(n.out.forward(hidden, false))
		loss -= math.Log(max(odds[p.arm], 1e-12))
		if best(odds) == p.arm {
			right++
		}
		odds[p.arm]-- // how the loss changes with each output
		n.in.backward(n.mid.backward(n.out.backward(odds, rate), rate), rate)
	}
	return loss / float64(len(points)), right / float64(len(points))
}

// layer is fully connected, and remembers its last input and output.
type layer struct {
	weights  [][]float64 // by output
	bias     []float64
	seen     []float64
	said     []float64
	rectify  bool
	gradient []float64 // of the loss by the input
}

func newLayer(rng *rand.Rand, in, out int) layer {
	l := layer{
		weights: make([][]float64, out), bias: make([]float64, out),
		said: make([]float64, out), gradient: make([]float64, in),
	}
	for o := range l.weights {
		l.weights[o] = make([]float64, in)
		for i := range l.weights[o] {
			l.weights[o][i] = rng.NormFloat64() * math.Sqrt(2/float64(in))
		}
	}
	return l
}

func (l *layer) forward(x []float64, rectify bool) []float64 {
	l.seen, l.rectify = x, rectify
	for o, w := range l.weights {
		sum := l.bias[o]
		for i, v := range x {
			sum += w[i] * v
		}
		if rectify {
			sum = max(sum, 0)
		}
		l.said[o] = sum
	}
	return l.said
}

// backward takes how the loss changes with each output, learns, and returns how
// it changes with each input.
func (l *layer) backward(change []float64, rate float64) []float64 {
	clear(l.gradient)
	for o, w := range l.weights {
		if l.rectify && l.said[o] == 0 {
			continue
		}
		step := rate * change[o]
		for i, v := range l.seen {
			l.gradient[i] += w[i] * change[o]
			w[i] -= step * v
		}
		l.bias[o] -= step
	}
	return l.gradient
}

func softmax(x []float64) []float64 {
	top, sum := x[best(x)], 0.0
	odds := make([]float64, len(x))
	for i, v := range x {
		odds[i] = math.Exp(v - top)
		sum += odds[i]
	}
	for i := range odds {
		odds[i] /= sum
	}
	return odds
}

func best(x []float64) int {
	b := 0
	for i, v := range x {
		if v > x[b] {
			b = i
		}
	}
	return b
}
