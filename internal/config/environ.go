package config

import (
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/internal/nearest"
)

// inEnviron reads the settings of the environment; an empty variable is none.
func inEnviron(all []Setting, environ []string) (list []given) {
	vars := ours(environ)
	for _, s := range all {
		name := s.Variable()
		value, ok := vars[name]
		if !ok {
			continue
		}
		values := []string{value}
		if s.Kind == Pairs { // there is only one variable for all of them
			values = strings.Split(value, ",")
		}
		for _, v := range values {
			list = append(list, given{s, v, Environment, name, nil})
		}
	}
	for _, name := range unknownVariables(environ) {
		if near := meant(all, name); near != "" {
			list = append(list, given{origin: Environment, where: name, err: fmt.Errorf("unknown variable; did you mean %s?", near)})
		}
	}
	return list
}

// Strangers are the variables of an environment that have our prefix, mean nothing to us,
// and are like none of ours: somebody else's, who had the same idea of a name. One that is
// like ours is a misspelt setting, and a problem.
func Strangers(environ []string) (names []string) {
	all := Table()
	for _, name := range unknownVariables(environ) {
		if meant(all, name) == "" {
			names = append(names, name)
		}
	}
	return names
}

func unknownVariables(environ []string) (names []string) {
	for name := range ours(environ) {
		if !Known(name) && !linked().MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ours are the variables with our prefix that are not empty.
func ours(environ []string) map[string]string {
	vars := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if runtime.GOOS == "windows" { // where case makes no difference
			name = strings.ToUpper(name)
		}
		if strings.HasPrefix(name, prefix) && value != "" {
			vars[name] = value
		}
	}
	return vars
}

// linked are the variables that Kubernetes gives every container of a namespace for a
// service called carbonctl or carbonctl-NAME, in Docker's way too
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
var linked = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)
})

// meant is the variable of ours that an unknown one is most like, "" if it is like none.
func meant(all []Setting, name string) string {
	candidates := func(yield func(string) bool) { // without what all have in common
		for _, s := range all {
			if !yield(strings.TrimPrefix(s.Variable(), prefix)) {
				return
			}
		}
		for _, r := range reserved() {
			if !yield(strings.TrimPrefix(r, prefix)) {
				return
			}
		}
	}
	if near := nearest.Of(strings.TrimPrefix(name, prefix), candidates); near != "" {
		return prefix + near
	}
	return ""
}
