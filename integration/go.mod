module github.com/carbonctl/carbonctl/integration

go 1.26.0

replace github.com/carbonctl/carbonctl => ..

require (
	github.com/carbonctl/carbonctl v0.0.0-00010101000000-000000000000
	github.com/creack/pty v1.1.24
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
