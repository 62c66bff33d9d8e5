package page

import (
	"time"
)

// Settled gives the page as Settle leaves it, at another time, and t as it is: it can take
// more rows. A server makes a page of each state so, and reads no row twice.
func (t *Team) Settled(now time.Time) Team {
	t.prepare()
	out := *t
	out.Groups, out.all, out.month, out.Now = t.Groups.Settled(), t.all.Copied(), t.month.Copied(), now
	return out
}
