package deliver

import (
	"fmt"
	"os"
	"strings"
)

// Secret reads a secret: the variable with this name, or the file that NAME_FILE names,
// less a final line break; "" for neither. An error names the file.
func Secret(env func(string) string, name string) (string, error) {
	if s := env(name); s != "" {
		return s, nil
	}
	path := env(name + "_FILE")
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
