package regions

import (
	"encoding/json"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// dmi is where Linux shows what the firmware says of the machine.
const dmi = "sys/class/dmi/id/"

const (
	// maxDMI is more than any DMI string has (255 bytes in SMBIOS 3).
	maxDMI = 512
	// maxInstance is more than cloud-init writes of an instance.
	maxInstance = 1 << 20
)

// vendors are what cloud providers write into the firmware of their virtual machines,
// in lower case; a name that ends in "*" is a prefix. They are those of cloud-init's
// ds-identify and of the providers' guides. What a laptop or any other machine may have
// as well is not here: sys_vendor "Google" is a Chromebook too, "Microsoft Corporation"
// a Surface, "OpenStack Nova" any university, and each 4096th random UUID begins with
// "ec2". A string that is not here names no provider,
// never a guess. The strings of the last six have not been seen by us.
var vendors = []struct{ file, name, provider string }{
	{dmi + "sys_vendor", "amazon ec2", "aws"},
	{dmi + "bios_vendor", "amazon ec2", "aws"},
	{dmi + "product_version", "4.11.amazon", "aws"},
	{dmi + "bios_version", "4.11.amazon", "aws"},
	{dmi + "product_name", "google compute engine", "gcp"},
	{dmi + "product_serial", "googlecloud-*", "gcp"},
	{dmi + "chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure"},
	{dmi + "chassis_asset_tag", "oraclecloud.com", "oracle"},
	{dmi + "product_name", "alibaba cloud ecs", "alibaba"},
	{dmi + "sys_vendor", "digitalocean", "digitalocean"},
	{dmi + "sys_vendor", "hetzner", "hetzner"},
	{dmi + "sys_vendor", "scaleway", "scaleway"},
	{dmi + "sys_vendor", "upcloud", "upcloud"},
	{dmi + "product_name", "exoscale*", "exoscale"},
	{dmi + "sys_vendor", "vultr", "vultr"},
	{dmi + "sys_vendor", "linode", "linode"},
	{dmi + "sys_vendor", "akamai", "linode"},
	{dmi + "chassis_asset_tag", "huaweicloud", "huawei"},
	{dmi + "sys_vendor", "alibaba cloud", "alibaba"},
	{dmi + "sys_vendor", "tencent cloud", "tencent"},
	{dmi + "sys_vendor", "huawei cloud", "huawei"},
	{dmi + "sys_vendor", "ovhcloud", "ovhcloud"},
	{dmi + "chassis_asset_tag", "ibmcloud", "ibm"},
	{dmi + "sys_vendor", "ibm:cloud compute server", "ibm"},
}

// DetectProvider returns which cloud provider's machine this is, from the firmware's strings
// below root, which is the machine's "/". It is "" where they name no known one, or can't be
// read. They name no region.
func DetectProvider(root fs.FS) string {
	read := map[string]string{}
	for _, v := range vendors {
		s, ok := read[v.file]
		if !ok {
			s = firstLine(root, v.file)
			read[v.file] = s
		}
		if start, prefix := strings.CutSuffix(v.name, "*"); s == v.name || prefix && strings.HasPrefix(s, start) {
			return v.provider
		}
	}
	return ""
}

func firstLine(root fs.FS, name string) string {
	line, _, _ := strings.Cut(string(start(root, name, maxDMI)), "\n")
	return strings.ToLower(strings.TrimSpace(line))
}

// start is the beginning of a file, nil where it can't be read.
func start(root fs.FS, name string, most int64) []byte {
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil
	}
	return text
}

// platforms set variables of their own for what runs on them, where firmware is often
// hidden. A region counts only beside all of the variables in with, and none of those in
// without: what a client reads to know where to send its commands (AWS_DEFAULT_REGION,
// CLOUDSDK_*, AWS_REGION on a laptop or with SAM's emulator) is the place of no machine.
// Those with anywhere run on machines of others, whatever the firmware says.
var platforms = []struct {
	provider      string
	with, without []string
	region        string
	anywhere      bool
}{
	{"aws", []string{"AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT"}, []string{"AWS_SAM_LOCAL", "LOCALSTACK_HOSTNAME"}, "AWS_REGION", false},
	{"azure", []string{"WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID"}, nil, "REGION_NAME", false},
	{"azure", []string{"CONTAINER_APP_NAME"}, nil, "CONTAINER_APP_ENV_DNS_SUFFIX", false},
	{"azure", []string{"CONTAINER_APP_JOB_NAME"}, nil, "CONTAINER_APP_ENV_DNS_SUFFIX", false},
	{"oracle", []string{"OCI_RESOURCE_PRINCIPAL_VERSION"}, nil, "OCI_RESOURCE_PRINCIPAL_REGION", false},
	{"gcp", []string{"BMS_PROJECT_ID", "BMS_INSTANCE_ID"}, nil, "BMS_REGION", false},
	{"runpod", []string{"RUNPOD_POD_ID", "RUNPOD_DC_ID"}, nil, "RUNPOD_DC_ID", true},
}

// named is the region in the value of a platform's variable.
func named(variable, value string) string {
	if variable == "CONTAINER_APP_ENV_DNS_SUFFIX" { // some-name.westeurope.azurecontainerapps.io
		value, ok := strings.CutSuffix(value, ".azurecontainerapps.io")
		_, value, dot := strings.Cut(value, ".")
		if !ok || !dot || strings.Contains(value, ".") {
			return ""
		}
		return value
	}
	return strings.ReplaceAll(value, " ", "") // Azure writes "West Europe" in some places
}

// DetectRegion returns the cloud region of a machine by what its platform has written about
// it, without any network: the provider from its firmware, the region from what cloud-init
// keeps of this boot, or from the variables of a serverless platform, which env looks up. It
// is as in a query, "aws:eu-west-1", or a country where the platform names no more, or ""
// where provider or region are not written, or t does not know the region. Provider is "" or
// what was found.
func (t *Table) DetectRegion(root fs.FS, env func(name string) string) (region, provider string) {
	provider = DetectProvider(root)
	if provider != "" {
		name := instanceRegion(root, provider)
		switch {
		case provider == "vultr": // its region is a country, or a code of theirs
			if e, err := t.direct(name); err == nil && e != nil && e.Kind == Country && len(name) == 2 {
				return e.Code, provider
			}
		case provider == "oracle": // phx-ad-3, or xxxx:PHX-AD-3
			_, ad, ok := strings.Cut(name, ":")
			if !ok {
				ad = name
			}
			key, _, _ := strings.Cut(strings.ToLower(ad), "-ad-")
			if p, err := t.Place("oracle:" + key); key != "" && err == nil && p.Cloud != nil {
				return p.Cloud.String(), provider
			}
		}
		if c := t.cloud(provider, name); c != nil {
			return c.String(), provider
		}
	}
	set := func(name string) bool { return env(name) != "" }
	hidden := firstLine(root, dmi+"sys_vendor") == ""
	for _, p := range platforms {
		there := !slices.ContainsFunc(p.with, func(name string) bool { return !set(name) }) && !slices.ContainsFunc(p.without, set)
		if !there || !p.anywhere && p.provider != provider && !(provider == "" && hidden) {
			continue
		}
		if c := t.cloud(p.provider, named(p.region, env(p.region))); c != nil {
			return c.String(), p.provider
		}
		provider = p.provider
	}
	return "", provider
}

// datasources are cloud-init's names of the providers.
var datasources = map[string]string{
	"aws": "aws", "gce": "gcp", "azure": "azure", "scaleway": "scaleway", "digitalocean": "digitalocean",
	"upcloud": "upcloud", "hetzner": "hetzner", "vultr": "vultr", "oracle": "oracle",
}

// instanceRegion is the region that cloud-init was told at this boot, "" if none; /run
// is empty after each, while /var/lib/cloud is copied with the image of a disk.
func instanceRegion(root fs.FS, provider string) string {
	var instance struct {
		V1 struct {
			Cloud  string `json:"cloud_name"`
			Region string `json:"region"`
			Zone   string `json:"availability_zone"`
		} `json:"v1"`
	}
	if json.Unmarshal(start(root, "run/cloud-init/instance-data.json", maxInstance), &instance) != nil {
		return ""
	}
	v := instance.V1
	switch {
	case datasources[strings.ToLower(v.Cloud)] != provider:
		return "" // look-alikes, and data that a user wrote
	case provider == "aws":
		// A Local or Wavelength Zone, us-east-1-nyc-1a, may be in another state or country:
		// it is one by its own name, or not known.
		if suffix, ok := strings.CutPrefix(v.Zone, v.Region); v.Zone != "" && (!ok || len(suffix) != 1) {
			return v.Zone
		}
	case provider == "oracle":
		return v.Zone
	case provider == "hetzner":
		return v.Zone // fsn1-dc14; its region eu-central is Germany and Finland
	case v.Region == "" && provider == "gcp":
		return v.Zone
	}
	return v.Region
}
