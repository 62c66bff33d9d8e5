package regions

import (
	"io"
	"io/fs"
	"slices"
	"strings"
)

// dmi is where Linux shows what the firmware says of the machine.
const dmi = "sys/class/dmi/id/"

// maxDMI is more than any DMI string has (255 bytes in SMBIOS 3).
const maxDMI = 512

// vendors are what cloud providers write into the DMI strings of their virtual
// machines, in lower case. Those of AWS (Nitro, Xen), Google, Azure (Hyper-V with
// its asset tag), Oracle, Alibaba, DigitalOcean, Hetzner and Scaleway are
// documented or in wide use for this; the others have not been seen by us on a
// machine of theirs. A string that is not here is no provider, never a guess.
var vendors = []struct{ file, prefix, provider string }{
	{"sys_vendor", "amazon ec2", "aws"},
	{"bios_vendor", "amazon ec2", "aws"},
	{"product_version", "4.11.amazon", "aws"},
	{"bios_version", "4.11.amazon", "aws"},
	{"product_name", "google compute engine", "gcp"},
	{"sys_vendor", "google", "gcp"},
	{"chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure"},
	{"chassis_asset_tag", "oraclecloud.com", "oracle"},
	{"sys_vendor", "alibaba cloud", "alibaba"},
	{"sys_vendor", "digitalocean", "digitalocean"},
	{"sys_vendor", "hetzner", "hetzner"},
	{"sys_vendor", "scaleway", "scaleway"},
	{"sys_vendor", "tencent cloud", "tencent"},
	{"sys_vendor", "huawei cloud", "huawei"},
	{"sys_vendor", "upcloud", "upcloud"},
	{"product_name", "exoscale", "exoscale"},
	{"sys_vendor", "exoscale", "exoscale"},
	{"sys_vendor", "ovhcloud", "ovhcloud"},
	{"chassis_asset_tag", "ibmcloud", "ibm"},
	{"sys_vendor", "ibm:cloud compute server", "ibm"},
}

// DetectProvider tells which cloud provider's machine this is, from the DMI
// strings below root, which is the machine's "/". It is "" where they name none
// that we know, or can't be read: this is a hint, not a proof. They name no
// region; package metadata asks the provider for that.
func DetectProvider(root fs.FS) string {
	read := map[string]string{}
	for _, v := range vendors {
		s, ok := read[v.file]
		if !ok {
			s = firstLine(root, dmi+v.file)
			read[v.file] = s
		}
		if strings.HasPrefix(s, v.prefix) {
			return v.provider
		}
	}
	return ""
}

func firstLine(root fs.FS, name string) string {
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDMI))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.ToLower(strings.TrimSpace(line))
}

// platforms are the variables by which a provider's platform shows itself where
// DMI strings are hidden, and those in which a region stands. On any other
// machine the latter only name where its commands are sent, so they count for
// nothing there.
var platforms = []struct {
	provider    string
	marks, name []string
}{
	{"aws", []string{"AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "ECS_CONTAINER_METADATA_URI_V4"}, []string{"AWS_REGION", "AWS_DEFAULT_REGION"}},
	{"gcp", []string{"K_SERVICE", "CLOUD_RUN_JOB"}, []string{"GOOGLE_CLOUD_REGION", "CLOUDSDK_COMPUTE_REGION", "CLOUDSDK_COMPUTE_ZONE"}},
	{"azure", []string{"WEBSITE_SITE_NAME", "CONTAINER_APP_NAME"}, []string{"REGION_NAME"}},
}

// DetectRegion tells the cloud region from what lies on the machine: the
// provider from its DMI strings below root or from env, which looks an
// environment variable up, and the region from env alone. It is as in a query,
// "aws:eu-west-1", or "" where the provider or the region is not told, or t
// does not know it. Provider is "" or what was found.
func (t *Table) DetectRegion(root fs.FS, env func(name string) string) (region, provider string) {
	provider = DetectProvider(root)
	for _, p := range platforms {
		marked := func(name string) bool { return env(name) != "" }
		if provider == "" && slices.ContainsFunc(p.marks, marked) {
			provider = p.provider
		}
		if p.provider != provider {
			continue
		}
		for _, name := range p.name {
			// Azure writes "West Europe" in some places.
			if c := t.cloud(provider, strings.ReplaceAll(env(name), " ", "")); c != nil {
				return c.String(), provider
			}
		}
	}
	return "", provider
}
