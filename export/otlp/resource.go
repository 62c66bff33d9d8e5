package otlp

import (
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
)

// ServiceName is that of runs where nothing else names the service.
const ServiceName = "carbonctl"

// resource is where a run was: what the report knows, and over it what s.Resource says.
func (s *Sink) resource(r footprint.Report) resource {
	all := map[string]string{
		"service.name": ServiceName, "service.instance.id": r.RunID,
		"telemetry.sdk.name": "carbonctl", "telemetry.sdk.language": "go", "telemetry.sdk.version": r.Versions.Tool,
		"host.name": r.Host.Name, "host.id": r.Host.Machine, "host.cpu.model.name": r.Host.CPUModel, "os.type": r.Host.OS,
		"carbonctl.project": r.Project,
	}
	if r.ParentRunID != nil {
		all["carbonctl.parent_run_id"] = *r.ParentRunID
	}
	if r.CountedBy != nil {
		all["carbonctl.counted_by"] = *r.CountedBy
	}
	if p := r.Region.Provider; p != nil {
		all["cloud.provider"] = *p
		if r.Region.CloudRegion != nil {
			all["cloud.region"] = *r.Region.CloudRegion
		}
	}
	if j := r.Job; j != nil {
		all["carbonctl.job.system"], all["carbonctl.job.id"] = j.System, j.ID
		all["carbonctl.job.workflow"], all["carbonctl.job.task"] = j.Workflow, j.Task
		if j.Rank != nil {
			all["carbonctl.job.rank"] = fmt.Sprint(*j.Rank)
		}
		if j.Attempt != nil {
			all["carbonctl.job.attempt"] = fmt.Sprint(*j.Attempt)
		}
	}
	for k, v := range r.Labels {
		all["carbonctl.label."+k] = v
	}
	maps.Copy(all, s.Resource)
	if all["service.name"] == ServiceName && all["service.version"] == "" {
		all["service.version"] = r.Versions.Tool
	}
	var a attributes
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if v := all[k]; k == "process.pid" {
			a.number(k, v)
		} else {
			a.text(k, v)
		}
	}
	a.list("process.command_args", r.Command)
	return resource{append([]attribute{}, a...)}
}

// parseResource reads OTEL_RESOURCE_ATTRIBUTES: key=value,key=value, percent-encoded. As the
// specification has it, one that cannot be read discards them all.
func parseResource(s string) (map[string]string, error) {
	all := map[string]string{}
	for pair := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		k, v, ok := strings.Cut(pair, "=")
		k = strings.TrimSpace(k)
		v, err := url.PathUnescape(strings.TrimSpace(v))
		if !ok || k == "" || err != nil {
			return nil, fmt.Errorf("%.60q is not key=value (percent-encoded)", pair)
		}
		all[k] = v
	}
	return all, nil
}

// Detect finds the container and the pod of this process, by the /proc of a root and by the
// variables of Kubernetes' downward API as they are commonly called. What is not known is
// left out.
func Detect(root fs.FS, env func(string) string) map[string]string {
	all := map[string]string{}
	set := func(k, v string) {
		if v != "" {
			all[k] = v
		}
	}
	cgroup, _ := fs.ReadFile(root, "proc/self/cgroup") // absent on other systems
	mounts, _ := fs.ReadFile(root, "proc/self/mountinfo")
	set("container.id", containerID(string(cgroup), string(mounts)))
	uid := podUID(string(cgroup), string(mounts))
	if env("KUBERNETES_SERVICE_HOST") == "" && uid == "" {
		return all
	}
	first := func(names ...string) string {
		for _, n := range names {
			if v := env(n); v != "" {
				return v
			}
		}
		return ""
	}
	set("k8s.pod.uid", first("K8S_POD_UID", "POD_UID"))
	if all["k8s.pod.uid"] == "" {
		set("k8s.pod.uid", uid)
	}
	set("k8s.pod.name", first("K8S_POD_NAME", "POD_NAME", "HOSTNAME"))
	set("k8s.node.name", first("K8S_NODE_NAME", "NODE_NAME"))
	set("k8s.namespace.name", first("K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE"))
	if all["k8s.namespace.name"] == "" {
		b, _ := fs.ReadFile(root, "var/run/secrets/kubernetes.io/serviceaccount/namespace")
		set("k8s.namespace.name", strings.TrimSpace(string(b)))
	}
	return all
}

// The patterns are compiled when they are asked for: most runs need none.
const (
	// Of version 1 of cgroups, and where the cgroup has no namespace: docker-ID.scope,
	// /docker/ID, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope.
	cgroupID = `(?m)[/-]([0-9a-f]{64})(?:\.scope)?(?:/[^/\n]*)?$`
	// Docker and Podman mount files of the container's own folder. A containerd folder of
	// Kubernetes is the pod's sandbox, which has another ID.
	mountID = `/(?:containers|overlay-containers)/([0-9a-f]{64})/`
	podID   = `(?:/pods/|[/-]pod)([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})`
)

func containerID(cgroup, mounts string) string {
	for _, m := range [][]string{regexp.MustCompile(cgroupID).FindStringSubmatch(cgroup), regexp.MustCompile(mountID).FindStringSubmatch(mounts)} {
		if m != nil {
			return m[1]
		}
	}
	return ""
}

func podUID(cgroup, mounts string) string {
	for _, text := range []string{cgroup, mounts} {
		if m := regexp.MustCompile(podID).FindStringSubmatch(text); m != nil {
			return strings.ReplaceAll(m[1], "_", "-")
		}
	}
	return ""
}
