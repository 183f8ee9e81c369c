package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// types has Kubernetes' own schemas, and those of custom resources.
type types struct {
	known       map[string]schema // by the names that Kubernetes has for them
	crds        map[string]schema // by kind
	definitions schema            // those that were asked for, strict
}

// newTypes reads the OpenAPI documents of a Kubernetes version, and CustomResourceDefinitions.
func newTypes(folder string, crds []string) (*types, error) {
	t := &types{known: map[string]schema{}, crds: map[string]schema{}, definitions: schema{}}
	var documents []string
	for _, pattern := range []string{"api/*.json", "apis/*/*.json"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, err
		}
		documents = append(documents, found...)
	}
	if len(documents) == 0 {
		return nil, fmt.Errorf("%s: no OpenAPI documents", folder)
	}
	for _, document := range documents {
		bytes, err := os.ReadFile(document)
		if err != nil {
			return nil, err
		}
		var content struct {
			Components struct{ Schemas map[string]schema }
		}
		if err := json.Unmarshal(bytes, &content); err != nil {
			return nil, fmt.Errorf("%s: %w", document, err)
		}
		for name, known := range content.Components.Schemas {
			t.known[name] = known
		}
	}
	for _, path := range crds {
		var crd struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Storage bool
					Schema  struct {
						OpenAPI schema `yaml:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := readYAML(path, &crd); err != nil {
			return nil, err
		}
		for _, version := range crd.Spec.Versions {
			if version.Storage {
				t.crds[crd.Spec.Names.Kind] = version.Schema.OpenAPI
			}
		}
	}
	return t, nil
}

// resolve takes `kubernetes` and `crd` in a refinement for the types that they name.
func (t *types) resolve(refinement schema) (schema, error) {
	if name, ok := refinement["kubernetes"].(string); ok {
		return t.kubernetes(name)
	}
	if path, ok := refinement["crd"].(string); ok {
		return t.custom(path)
	}
	resolved := schema{}
	for key, value := range refinement {
		var err error
		switch inner := value.(type) {
		case schema:
			value, err = t.resolve(inner)
		case []any:
			value, err = t.resolveAll(inner)
		}
		if err != nil {
			return nil, err
		}
		resolved[key] = value
	}
	return resolved, nil
}

// resolveAll resolves the schemas in a list, such as that of anyOf.
func (t *types) resolveAll(list []any) ([]any, error) {
	resolved := make([]any, len(list))
	for at, value := range list {
		resolved[at] = value
		if inner, ok := value.(schema); ok {
			var err error
			if resolved[at], err = t.resolve(inner); err != nil {
				return nil, err
			}
		}
	}
	return resolved, nil
}

// kubernetes is a type of Kubernetes', by the end of its name.
func (t *types) kubernetes(name string) (schema, error) {
	for _, prefix := range []string{"io.k8s.api.", "io.k8s.apimachinery.pkg.apis."} {
		if _, ok := t.known[prefix+name]; ok {
			return t.define(prefix + name), nil
		}
	}
	return nil, fmt.Errorf("Kubernetes has no type %s", name)
}

// custom is a part of a custom resource: "Kind path.to.*.it", where * stands for the items of a list.
func (t *types) custom(path string) (schema, error) {
	kind, fields, _ := strings.Cut(path, " ")
	at, ok := t.crds[kind]
	for _, field := range strings.Split(fields, ".") {
		if !ok {
			break
		}
		if field == "*" {
			at, ok = at["items"].(schema)
			continue
		}
		properties, _ := at["properties"].(schema)
		at, ok = properties[field].(schema)
	}
	if !ok {
		return nil, fmt.Errorf("there is no %s in the custom resources", path)
	}
	// What the chart asks for itself, a toggle that is off must not ask for.
	part := t.strict(at).(schema)
	delete(part, "required")
	delete(part, "minItems")
	return part, nil
}

// define puts a type and all that it is made of into the definitions, and refers to it.
func (t *types) define(name string) schema {
	if t.definitions[name] == nil {
		t.definitions[name] = schema{} // types refer to themselves
		t.definitions[name] = t.strict(t.known[name])
	}
	return schema{"$ref": "#/definitions/" + name}
}

// kept is what of OpenAPI draft 7 of JSON Schema has too, and means the same by. Descriptions would make the file large.
var kept = []string{"type", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "required"}

// strict turns OpenAPI into JSON Schema that knows no keys but those that it names.
func (t *types) strict(node any) any {
	from := node.(schema)
	if reference, ok := from["$ref"].(string); ok {
		return t.define(strings.TrimPrefix(reference, "#/components/schemas/"))
	}
	if all, ok := from["allOf"].([]any); ok && len(all) == 1 && from["properties"] == nil {
		return t.strict(all[0])
	}
	to := schema{}
	if from["x-kubernetes-int-or-string"] == true {
		return schema{"type": []string{"integer", "string"}}
	}
	for _, key := range kept {
		if value, ok := from[key]; ok {
			to[key] = value
		}
	}
	if options, ok := from["oneOf"].([]any); ok {
		var strict []any
		for _, option := range options {
			strict = append(strict, t.strict(option))
		}
		to["anyOf"] = strict // "5" may be both a number and a text to YAML's readers
	}
	if properties, ok := from["properties"].(schema); ok {
		strict := schema{}
		for name, property := range properties {
			strict[name] = t.strict(property)
		}
		to["properties"], to["additionalProperties"] = strict, false
	}
	if items, ok := from["items"]; ok {
		to["items"] = t.strict(items)
	}
	if more, ok := from["additionalProperties"].(schema); ok {
		to["additionalProperties"] = t.strict(more)
	}
	return to
}
