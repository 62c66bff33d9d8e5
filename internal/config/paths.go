package config

import (
	"os"
	"os/user"
	"path/filepath"
)

// ProjectFile is the settings of a project, in the folder where carbonctl is started.
const ProjectFile = ".carbonctl.toml"

// UserFile is the path of the user's settings, "" without a home.
func UserFile() string {
	dir := configDir()
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "carbonctl", "config.toml")
}

// DefaultLedger is $XDG_STATE_HOME/carbonctl/ledger.csv, "" without a home.
func DefaultLedger() string { return inState("ledger.csv") }

// Spool is the folder of undelivered reports, $XDG_STATE_HOME/carbonctl/spool, "" without
// a home.
func Spool() string { return inState("spool") }

func inState(name string) string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home := homeDir()
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "carbonctl", name)
}

// configDir is where a user's settings are, "" without a home.
func configDir() string {
	if dir, err := os.UserConfigDir(); err == nil && filepath.IsAbs(dir) {
		return dir
	}
	if home := homeDir(); home != "" {
		return filepath.Join(home, ".config")
	}
	return ""
}

// homeDir is $HOME, or where a service or a cron job has none, or one that would be a
// folder of whatever directory carbonctl runs in, what the system has for the user; ""
// if neither is an absolute path.
func homeDir() string {
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		return home
	}
	if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
		return u.HomeDir
	}
	return ""
}
