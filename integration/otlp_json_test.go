package integration

import (
	"encoding/base64"
	"encoding/hex"
	"net"
	"regexp"
)

var idField = regexp.MustCompile(`"(traceId|spanId|parentSpanId)":"([0-9a-f]+)"`)

// hexIDs turns the hexadecimal IDs of OTLP's JSON into the base64 that protojson reads.
func hexIDs(body []byte) []byte {
	return idField.ReplaceAllFunc(body, func(m []byte) []byte {
		f := idField.FindSubmatch(m)
		b, err := hex.DecodeString(string(f[2]))
		if err != nil {
			return m
		}
		return []byte(`"` + string(f[1]) + `":"` + base64.StdEncoding.EncodeToString(b) + `"`)
	})
}

// listen listens on an address, which was used before.
func listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }
