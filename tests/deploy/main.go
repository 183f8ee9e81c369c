// Command deploy validates a compose file by the schema of the Compose Specification, with the code of compose itself. It prints the
// services and their volumes' sources, and fails where a source does not exist.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	log.SetFlags(0)
	options, err := cli.NewProjectOptions([]string{os.Args[1]}, cli.WithWorkingDirectory(filepath.Dir(os.Args[1])))
	check(err)
	project, err := options.LoadProject(context.Background())
	check(err)
	for _, service := range project.Services {
		for _, volume := range service.Volumes {
			if volume.Type == "bind" {
				_, err := os.Stat(volume.Source)
				check(err)
			}
		}
		fmt.Println(service.Name, service.Image)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
