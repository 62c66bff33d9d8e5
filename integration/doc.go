// Package integration holds tests that put the built command against real
// programs: a browser, Prometheus, ssh-keygen, training programs in Python, LaTeX,
// curl. It is a module of its own, so that what these tests need reaches nobody who
// uses carbonctl. They run on Debian:
//
//	apt-get install --no-install-recommends $(cat integration/packages)
//	cd integration && go test ./...
//
// which is a step of .ci/run. A program that is missing is a failure, never a test
// that is skipped. Nothing goes over the network but to this machine itself.
package integration
