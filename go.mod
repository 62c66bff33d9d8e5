module github.com/carbonctl/carbonctl

go 1.26
