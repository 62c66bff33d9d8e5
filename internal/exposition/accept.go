package exposition

import (
	"mime"
	"strconv"
	"strings"
)

// maxAccept bounds what of a header is looked at.
const maxAccept = 4 << 10

// Accepted chooses the format by what a reader accepts, the header Accept of HTTP: the
// one that it prefers, and OpenMetrics where it has no preference but names it. What
// can't be read counts for nothing.
func Accepted(header string) Format {
	best, quality := Text, 0.0
	if len(header) > maxAccept {
		return Text
	}
	for part := range strings.SplitSeq(header, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(s, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		f := Text
		switch v := params["version"]; kind {
		case "application/openmetrics-text":
			if f = OpenMetrics; v != "" && v != "1.0.0" && v != "0.0.1" {
				continue
			}
		case "text/plain":
			if v != "" && v != "0.0.4" {
				continue
			}
		case "text/*", "*/*":
		default:
			continue
		}
		if q > quality || q == quality && q > 0 && f == OpenMetrics {
			best, quality = f, q
		}
	}
	return best
}
