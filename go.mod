module github.com/carbonctl/carbonctl

go 1.26

require github.com/stretchr/testify v1.12.1

require (
	github.com/shirou/gopsutil/v3 v3.24.5
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.47.0
	golang.org/x/tools v0.52.0
)
