package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
)

func (a *app) config() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show effective settings, or create a config file",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.showConfig(), a.initConfig())
	return cmd
}

func (a *app) showConfig() *cobra.Command {
	var asJSON, origin bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show each setting and its effective value",
		Long: `Show each setting and its effective value. From high to low: flags, environment
variables, ./.carbonctl.toml, your config.toml, defaults. The exit code is 2 if
a setting is invalid.`,
		Example: `  carbonctl config show --origin
  carbonctl config show --json`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := configure(cmd.Flags())
			if err != nil {
				return err
			}
			s.locate(os.DirFS("/"))
			view := screen.Settings{Problems: []string{}}
			for _, v := range effective(s) {
				view.Settings = append(view.Settings, screen.Effective(v))
			}
			for _, p := range s.Problems {
				view.Problems = append(view.Problems, p.Error())
			}
			if asJSON {
				err = output.JSON(a.out, view)
			} else {
				err = view.Text(a.out, origin)
			}
			if err == nil && len(view.Problems) > 0 {
				err = &exitError{code: exitUsage} // they were printed
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&origin, "origin", false, "show where each value was set: file, environment, flag, cloud, default")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON, with origins")
	addSettings(cmd)
	return cmd
}

func (a *app) initConfig() *cobra.Command {
	var project, asJSON bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Create a config file with every setting commented out",
		Long: `Create config.toml with every setting explained and commented out, and print its
path. An existing file is never overwritten.`,
		Example: `  carbonctl config init
  carbonctl config init --for-project`,
		Args: atMost(0),
		RunE: func(*cobra.Command, []string) error {
			path := config.UserFile()
			if project {
				path = config.ProjectFile
			}
			if path == "" {
				return errors.New("no home directory; set XDG_CONFIG_HOME")
			}
			err := config.Create(path, config.Template(project))
			if errors.Is(err, fs.ErrExist) {
				a.say(fmt.Sprintf("%s exists already", path), "edit it, or move it away to create a new one")
				return &exitError{code: exitUsage}
			}
			if err != nil {
				return err
			}
			if asJSON {
				return output.JSON(a.out, map[string]string{"file": path})
			}
			_, err = fmt.Fprintln(a.out, path)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the path as JSON")
	cmd.Flags().BoolVar(&project, "for-project", false, "write ./.carbonctl.toml, with the settings that a project may set")
	return cmd
}
