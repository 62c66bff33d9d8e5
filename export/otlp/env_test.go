package otlp_test

import (
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/export/otlp"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

func TestRoutes(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint        string
		env             []string
		metrics, traces string
	}{
		"flag":       {"http://a:4318", nil, "http://a:4318/v1/metrics", "http://a:4318/v1/traces"},
		"path":       {"https://a/otlp/", nil, "https://a/otlp/v1/metrics", "https://a/otlp/v1/traces"},
		"over env":   {"http://a:4318", []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://b"}, "http://a:4318/v1/metrics", "http://a:4318/v1/traces"},
		"env":        {"env", []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://b/x"}, "http://b/x/v1/metrics", "http://b/x/v1/traces"},
		"as is":      {"env", []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://b", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c/push"}, "http://c/push", "http://b/v1/traces"},
		"default":    {"env", nil, "http://localhost:4318/v1/metrics", "http://localhost:4318/v1/traces"},
		"no traces":  {"http://a", []string{"OTEL_TRACES_EXPORTER", "none"}, "http://a/v1/metrics", ""},
		"no metrics": {"http://a", []string{"OTEL_METRICS_EXPORTER", "none"}, "", "http://a/v1/traces"},
		"disabled":   {"http://a", []string{"OTEL_SDK_DISABLED", "true"}, "", ""},
		"grpc":       {"http://a", []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}, "", ""},
		"one grpc":   {"http://a", []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"}, "", "http://a/v1/traces"},
		"user":       {"env", []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://ada:pw@b"}, "http://b/v1/metrics", "http://b/v1/traces"},
	} {
		s, _, err := otlp.FromEnv(c.endpoint, fstest.MapFS{}, env(c.env...))
		require.NoError(t, err, name)
		assert.Equal(t, c.metrics, s.Metrics.URL, name)
		assert.Equal(t, c.traces, s.Traces.URL, name)
		assert.NotContains(t, s.Target(), "pw")
	}
}

func TestFlagOfAnEndpoint(t *testing.T) {
	for _, bad := range []string{"", "localhost:4318", "ftp://a", "http://", "http://ada:pw@b", "grpc://a", "http://a b", "%zz"} {
		_, _, err := otlp.FromEnv(bad, fstest.MapFS{}, env())
		require.Error(t, err, bad)
		assert.NotContains(t, err.Error(), "pw")
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestHeadersAndLimits(t *testing.T) {
	s, problems, err := otlp.FromEnv("http://a", fstest.MapFS{}, env(
		"OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret, x-tenant = red,",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20other",
		"OTEL_EXPORTER_OTLP_TIMEOUT", "1500", "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"))
	require.NoError(t, err)
	require.Empty(t, problems)
	assert.Equal(t, "Bearer s3cret", s.Metrics.Header.Get("Authorization"))
	assert.Equal(t, "red", s.Metrics.Header.Get("X-Tenant"))
	assert.Equal(t, "Bearer other", s.Traces.Header.Get("Authorization"))
	assert.Empty(t, s.Traces.Header.Get("X-Tenant"), "a signal's own take the place of all")
	assert.Equal(t, 1500*time.Millisecond, s.Metrics.Timeout)
	assert.True(t, s.Metrics.Plain)
	assert.False(t, s.Traces.Plain)
	assert.NotContains(t, s.Target(), "s3cret")

	s, _, _ = otlp.FromEnv("env", fstest.MapFS{}, env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://ada:pw@b"))
	assert.Equal(t, "Basic YWRhOnB3", s.Metrics.Header.Get("Authorization"))
}

// TestProblems are one line each, name the variable, show no secret, and stop nothing.
func TestProblems(t *testing.T) {
	for variable, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_HEADERS":        "s3cret",
		"OTEL_EXPORTER_OTLP_TIMEOUT":        "10s",
		"OTEL_EXPORTER_OTLP_CERTIFICATE":    "no/such/file",
		"OTEL_EXPORTER_OTLP_COMPRESSION":    "zstd",
		"OTEL_METRIC_EXPORT_INTERVAL":       "0",
		"OTEL_RESOURCE_ATTRIBUTES":          "a=1,b",
		"TRACEPARENT":                       "00-0-0-0",
		"OTEL_EXPORTER_OTLP_PROTOCOL":       "grpc",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a b=s3cret",
	} {
		s, problems, err := otlp.FromEnv("http://a", fstest.MapFS{}, env(variable, value))
		require.NoError(t, err, variable)
		require.NotNil(t, s)
		require.NotEmpty(t, problems, variable)
		for _, p := range problems {
			assert.True(t, strings.HasPrefix(p.Error(), variable), p.Error())
			assert.NotContains(t, p.Error(), "s3cret")
			assert.NotContains(t, p.Error(), "\n")
		}
	}
	_, problems, _ := otlp.FromEnv("http://a", fstest.MapFS{}, env("OTEL_SDK_DISABLED", "TRUE"))
	assert.Equal(t, []error{otlp.ErrDisabled}, problems)
	_, problems, _ = otlp.FromEnv("http://a", fstest.MapFS{}, env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"))
	require.Len(t, problems, 1)
	grpc := (*otlp.GRPCError)(nil)
	require.True(t, errors.As(problems[0], &grpc))
	assert.Equal(t, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc: carbonctl sends OTLP over HTTP alone: no metrics and traces are sent", grpc.Error())
}

func TestCertificates(t *testing.T) {
	to := newReceiver(t)
	secure := httptest.NewTLSServer(to.Config.Handler)
	defer secure.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600))
	s, problems, err := otlp.FromEnv(secure.URL, fstest.MapFS{}, env("OTEL_EXPORTER_OTLP_CERTIFICATE", file))
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, s.Report(t.Context(), replay(t, "vm.jsonl")))
	assert.NotEmpty(t, to.metrics())

	// It is made for 127.0.0.1 and example.com.
	s, _, err = otlp.FromEnv(strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), fstest.MapFS{}, env("OTEL_EXPORTER_OTLP_CERTIFICATE", file))
	require.NoError(t, err)
	err = s.Report(t.Context(), replay(t, "vm.jsonl"))
	require.ErrorContains(t, err, "TLS: the certificate is not for this host, but for example.com")
	assert.True(t, deliver.Keep(err), "it can be mended")

	s, _, _ = otlp.FromEnv(secure.URL, fstest.MapFS{}, env())
	require.ErrorContains(t, s.Report(t.Context(), replay(t, "vm.jsonl")), "TLS: the certificate is signed by an unknown authority")
}

func TestResource(t *testing.T) {
	r := replay(t, "server.jsonl")
	provider, place := "aws", "eu-central-1"
	r.Region.Provider, r.Region.CloudRegion, r.Versions.Tool, r.Host.Name = &provider, &place, "1.2.3", "node-1"
	r.ParentRunID, r.CountedBy = new("outer"), new("outer")
	r.Labels, r.Command = map[string]string{"team": "line\nend"}, []string{"python", "train.py"}
	resource := func(pairs ...string) map[string]any {
		to := newReceiver(t)
		s := to.sink(t, pairs...)
		s.Resource["process.pid"] = "42"
		require.NoError(t, s.Report(t.Context(), r))
		m := named(dig(to.got["/v1/metrics"][0], "resourceMetrics", 0, "resource", "attributes"))
		assert.Equal(t, m, named(dig(to.got["/v1/traces"][0], "resourceSpans", 0, "resource", "attributes")))
		return m
	}
	got := resource()
	for k, v := range map[string]any{
		"service.name": "carbonctl", "service.version": "1.2.3", "service.instance.id": r.RunID, "host.name": "node-1",
		"carbonctl.parent_run_id": "outer", "carbonctl.counted_by": "outer",
		"cloud.provider": "aws", "cloud.region": "eu-central-1", "process.pid": "42", "carbonctl.label.team": "line\nend",
	} {
		assert.Equal(t, v, got[k], k)
	}
	assert.Contains(t, got, "process.command_args")
	got = resource("OTEL_RESOURCE_ATTRIBUTES", "service.name=lost,deployment.environment.name=a%2Cb,host.name=", "OTEL_SERVICE_NAME", "trainer")
	assert.Equal(t, "trainer", got["service.name"])
	assert.Equal(t, "a,b", got["deployment.environment.name"])
	assert.NotContains(t, got, "host.name")
	assert.NotContains(t, got, "service.version", "ours is not that of another service")
}

func TestDetect(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	const uid = "1a2b3c4d-0000-4000-8000-00000000000f"
	for name, c := range map[string]struct {
		root fstest.MapFS
		env  []string
		want map[string]string
	}{
		"bare":      {root: fstest.MapFS{"proc/self/cgroup": file("0::/user.slice/session-1.scope\n")}},
		"elsewhere": {},
		"docker 1":  {root: fstest.MapFS{"proc/self/cgroup": file("12:cpuset:/docker/" + id + "\n0::/system.slice\n")}, want: map[string]string{"container.id": id}},
		"docker 2": {root: fstest.MapFS{
			"proc/self/cgroup":    file("0::/\n"),
			"proc/self/mountinfo": file("700 699 8:1 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"),
		}, want: map[string]string{"container.id": id}},
		"podman": {root: fstest.MapFS{"proc/self/cgroup": file("0::/machine.slice/libpod-" + id + ".scope/container\n")}, want: map[string]string{"container.id": id}},
		"pod": {root: fstest.MapFS{
			"proc/self/cgroup": file("0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1a2b3c4d_0000_4000_8000_00000000000f.slice/cri-containerd-" + id + ".scope\n"),
			"var/run/secrets/kubernetes.io/serviceaccount/namespace": file("team-a\n"),
		}, env: []string{"KUBERNETES_SERVICE_HOST", "10.0.0.1", "HOSTNAME", "trainer-0", "NODE_NAME", "node-7"}, want: map[string]string{
			"container.id": id, "k8s.pod.uid": uid, "k8s.pod.name": "trainer-0", "k8s.node.name": "node-7", "k8s.namespace.name": "team-a",
		}},
		"pod with its own cgroups": {root: fstest.MapFS{
			"proc/self/cgroup": file("0::/\n"),
			"proc/self/mountinfo": file("1 2 8:1 /var/lib/kubelet/pods/" + uid + "/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n" +
				"3 2 0:20 /containerd/io.containerd.grpc.v1.cri/sandboxes/" + id + "/hostname /etc/hostname rw - tmpfs tmpfs rw\n"),
		}, env: []string{"POD_NAME", "b", "POD_NAMESPACE", "c", "POD_UID", uid}, want: map[string]string{
			"k8s.pod.uid": uid, "k8s.pod.name": "b", "k8s.namespace.name": "c",
		}},
		"a build server's node": {env: []string{"NODE_NAME", "jenkins-1", "HOSTNAME", "x"}},
	} {
		if c.want == nil {
			c.want = map[string]string{}
		}
		if c.root == nil {
			c.root = fstest.MapFS{}
		}
		assert.Equal(t, c.want, otlp.Detect(c.root, env(c.env...)), name)
	}
}

// TestRedo makes the sink of another run: where that was and what it is a part of come from
// it, secrets from here.
func TestRedo(t *testing.T) {
	to := newReceiver(t)
	first, _, err := otlp.FromEnv(to.URL, fstest.MapFS{}, env("OTEL_SERVICE_NAME", "first", "OTEL_EXPORTER_OTLP_HEADERS", "key=old",
		"TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
	require.NoError(t, err)
	now := env("OTEL_SERVICE_NAME", "second", "OTEL_EXPORTER_OTLP_HEADERS", "key=new", "TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b8-01")
	again := otlp.Redo(first.Target(), now)
	require.NotNil(t, again)
	require.NoError(t, again.Report(t.Context(), replay(t, "vm.jsonl")))
	assert.Equal(t, "new", to.header.Get("Key"))
	assert.Equal(t, "00f067aa0ba902b7", to.span()["parentSpanId"])
	assert.Equal(t, "first", named(dig(to.got["/v1/traces"][0], "resourceSpans", 0, "resource", "attributes"))["service.name"])
	assert.Equal(t, first.Target(), again.Target())

	theirs := env("OTEL_EXPORTER_OTLP_HEADERS", "key=theirs", "OTEL_EXPORTER_OTLP_ENDPOINT", "https://elsewhere:4318")
	again = otlp.Redo(first.Target(), theirs)
	require.NotNil(t, again)
	assert.Empty(t, again.Metrics.Header, "a key for another host")
	_, problems, err := otlp.FromEnv(to.URL, fstest.MapFS{}, theirs)
	require.NoError(t, err)
	require.Len(t, problems, 1)
	assert.EqualError(t, problems[0], "OTEL_EXPORTER_OTLP_HEADERS: not sent to "+strings.TrimPrefix(to.URL, "http://")+
		", since OTEL_EXPORTER_OTLP_ENDPOINT is on elsewhere")

	// What an environment's own endpoint has not taken is for no other one.
	place := env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://ada:pw@collector/s3cret")
	first, _, err = otlp.FromEnv(otlp.Environment, fstest.MapFS{}, place)
	require.NoError(t, err)
	assert.NotContains(t, first.Target(), "s3cret")
	assert.NotNil(t, otlp.Redo(first.Target(), place))
	assert.Nil(t, otlp.Redo(first.Target(), theirs))
	assert.Nil(t, otlp.Redo(first.Target(), env()), "nor for the default")

	assert.Nil(t, otlp.Redo("{", now))
	assert.Nil(t, otlp.Redo(`{"endpoint":"x"}`, now))
	assert.Nil(t, otlp.Redo(first.Target(), env("OTEL_SDK_DISABLED", "true")), "kept for a later one")
	assert.Nil(t, otlp.Redo(first.Target(), env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")))
}

func FuzzTraceparent(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=1")
	f.Fuzz(func(t *testing.T, parent, state string) {
		p, err := otlp.ParseParent(parent, state)
		if err == nil && parent != "" && (len(p.Traceparent) < 55 || p.Traceparent != parent) {
			t.Errorf("%q is taken for %q", parent, p.Traceparent)
		}
	})
}

func FuzzEnvironment(f *testing.F) {
	f.Add("http://a", "a=1,b=%20", "x=1")
	f.Fuzz(func(t *testing.T, endpoint, headers, attributes string) {
		s, problems, err := otlp.FromEnv(endpoint, fstest.MapFS{}, env("OTEL_EXPORTER_OTLP_HEADERS", headers, "OTEL_RESOURCE_ATTRIBUTES", attributes, "OTEL_EXPORTER_OTLP_ENDPOINT", endpoint))
		if err != nil {
			return
		}
		for _, p := range problems {
			if strings.Contains(p.Error(), "\n") {
				t.Errorf("%q", p)
			}
		}
		if s.Metrics.URL != "" && otlp.Redo(s.Target(), env()) == nil && endpoint != "env" {
			t.Errorf("%q can't be made again", s.Target())
		}
	})
}
