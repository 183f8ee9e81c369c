// Command schema makes helm/verify-gateway/values.schema.json: from the defaults and comments of values.yaml, from
// refinements.yaml, from the settings of docs/CONFIGURATION.md, and from Kubernetes' own schemas.
//
//	schema CHART CONFIGURATION.md REFINEMENTS KUBERNETES-OPENAPI-FOLDER CRD-FILE...
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A schema is a node of JSON Schema, draft 7.
type schema = map[string]any

func main() {
	log.SetFlags(0)
	if len(os.Args) < 5 {
		log.Fatal("usage: schema CHART CONFIGURATION.md REFINEMENTS KUBERNETES-OPENAPI-FOLDER CRD-FILE...")
	}
	types, err := newTypes(os.Args[4], os.Args[5:])
	check(err)
	configuration, err := configurationSchema(os.Args[2])
	check(err)
	refinements := map[string]schema{}
	check(readYAML(os.Args[3], &refinements))
	var document yaml.Node
	check(readYAML(filepath.Join(os.Args[1], "values.yaml"), &document))

	values := &values{refinements: refinements, used: map[string]bool{}, types: types, configuration: configuration}
	root, err := values.object(document.Content[0], "", false)
	check(err)
	for path := range refinements {
		if !values.used[path] {
			log.Fatalf("%s refines %s, which values.yaml does not have", os.Args[3], path)
		}
	}
	// What a chart that depends on this one may say of it (`condition: verify-gateway.enabled`). Helm reads it, not this chart.
	root["properties"].(schema)["enabled"] = schema{"type": "boolean"}
	root["properties"].(schema)["tags"] = schema{"type": "object"}
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "Values of the verify-gateway chart"
	root["definitions"] = types.definitions
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	check(encoder.Encode(root))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func readYAML(path string, into any) error {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(bytes, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// values makes the schema of values.yaml.
type values struct {
	refinements   map[string]schema
	used          map[string]bool
	types         *types
	configuration schema
}

// object gives a mapping its keys, and no others. Where nothing describes the whole, each of its values must be described. A
// value whose default says something must be there, so that null does not break the templates.
func (v *values) object(node *yaml.Node, path string, described bool) (schema, error) {
	properties, required := schema{}, []string{}
	for at := 0; at < len(node.Content); at += 2 {
		key, value := node.Content[at], node.Content[at+1]
		text, below := description(key), strings.TrimPrefix(path+"."+key.Value, ".")
		property, err := v.value(value, below, described || text != "")
		if err != nil {
			return nil, err
		}
		if text != "" {
			property["description"] = text
		}
		properties[key.Value] = property
		saysNothing := value.ShortTag() == "!!null" || value.Value == "" && len(value.Content) == 0
		if !saysNothing && v.refinements[below]["removable"] != true {
			required = append(required, key.Value)
		}
	}
	object := schema{"type": "object", "additionalProperties": v.refinements[path]["open"] == true, "properties": properties}
	if len(required) > 0 {
		object["required"] = required
	}
	return object, nil
}

// value infers a schema from a default, and refines it.
func (v *values) value(node *yaml.Node, path string, described bool) (schema, error) {
	refinement, refined := schema{}, false
	for key, value := range v.refinements[path] {
		v.used[path] = true
		if key != "removable" && key != "open" {
			refinement[key], refined = value, true
		}
	}
	if !described && (node.Kind != yaml.MappingNode || refined) {
		return nil, fmt.Errorf(`values.yaml: %s says nothing of itself: put a comment above it that begins with "# -- "`, path)
	}
	if refined {
		if refinement["configuration"] == true {
			return v.configuration, nil
		}
		if refinement["kubernetes"] != nil || refinement["crd"] != nil || refinement["type"] != nil {
			return v.types.resolve(refinement)
		}
	}
	inferred := schema{}
	switch node.ShortTag() {
	case "!!map":
		if len(node.Content) == 0 {
			return nil, fmt.Errorf("values.yaml: %s is an empty mapping: refine what may be in it", path)
		}
		return v.object(node, path, described)
	case "!!str":
		inferred["type"] = "string"
	case "!!bool":
		inferred["type"] = "boolean"
	case "!!int":
		inferred["type"], inferred["minimum"] = "integer", 0
	default:
		return nil, fmt.Errorf("values.yaml: %s is of a kind that tells too little: refine it", path)
	}
	for key, value := range refinement {
		inferred[key] = value
	}
	return inferred, nil
}

// description is the comment above a key, from its "# -- " on.
func description(key *yaml.Node) string {
	lines := strings.Split(key.HeadComment, "\n")
	start := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "# -- ") })
	if start < 0 {
		return ""
	}
	var words []string
	for _, line := range lines[start:] {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "#"), " -- ")))
	}
	return strings.Join(words, " ")
}
