// Runs the scenarios that all languages share with grpc-go.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	verify "example.com/verify/clients/gen/verify/v1"
)

// A scenario is a case with its steps. A step is decoded when it runs, because it may use values of earlier steps.
type scenario struct {
	Name          string
	Gateway       string
	TLS           *identity
	ServiceConfig string `json:"service_config"`
	Only          []string
	Steps         []json.RawMessage
}

type identity struct{ CA, Certificate string }

func main() {
	log.SetFlags(0)
	var file struct {
		NotProvoked map[string]string `json:"not_provoked"`
		Cases       []scenario
	}
	must(json.Unmarshal(read(os.Getenv("SCENARIOS")), &file))
	passed, failed, reasons := 0, 0, map[string]bool{}
	for _, one := range file.Cases {
		if one.Only != nil && !slices.Contains(one.Only, "go") {
			fmt.Printf("not offered by grpc-go: %s\n", one.Name)
			continue
		}
		if err := run(one, reasons); err != nil {
			fmt.Printf("FAILED: %s: %v\n", one.Name, err)
			failed++
		} else {
			passed++
		}
	}
	for _, name := range verify.ErrorReason_name {
		name = strings.TrimPrefix(name, "ERROR_REASON_")
		if name != "UNSPECIFIED" && file.NotProvoked[name] == "" && !reasons[name] {
			fmt.Printf("FAILED: no case is answered with %s\n", name)
			failed++
		}
	}
	fmt.Printf("go: %d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

func read(path string) []byte {
	content, err := os.ReadFile(path)
	must(err)
	return content
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
