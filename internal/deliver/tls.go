package deliver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
)

// TLS makes a transport for a service with certificates of its own: authority is a file of
// PEM certificates that sign the service's, certificate and key are those that this client
// shows; "" for none of each. insecure takes any certificate. An error names the file.
func TLS(authority, certificate, key string, insecure bool) (http.RoundTripper, error) {
	cfg := &tls.Config{InsecureSkipVerify: insecure, MinVersion: tls.VersionTLS12} //nolint:gosec // asked for
	if authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate in it", authority)
		}
	}
	if certificate != "" {
		if key == "" {
			key = certificate
		}
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if named := (*os.PathError)(nil); errors.As(err, &named) {
			return nil, named
		}
		if err != nil {
			return nil, fmt.Errorf("%s: no certificate and key in it", certificate)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = cfg
	return t, nil
}
