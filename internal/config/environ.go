package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/internal/nearest"
)

// inEnviron reads the settings of the environment; an empty variable is none.
func inEnviron(all []Setting, environ []string) (list []given) {
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
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !Known(name) && !linked().MatchString(name) {
			list = append(list, given{origin: Environment, where: name, err: unknownVariable(all, name)})
		}
	}
	return list
}

// linked are the variables that Kubernetes gives every container of a namespace for a
// service called carbonctl or carbonctl-NAME, in Docker's way too
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
var linked = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)
})

func unknownVariable(all []Setting, name string) error {
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
		return fmt.Errorf("unknown variable; did you mean %s%s?", prefix, near)
	}
	return errors.New("unknown variable")
}
