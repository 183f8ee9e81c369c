package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// row is a setting in the tables of docs/CONFIGURATION.md: its path, its default, what it takes and what it is.
var row = regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\| (.*?) \\| (.*?) \\| (.*) \\|$")

// configurationSchema reads the schema of gateway.yaml off its reference.
func configurationSchema(path string) (schema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	_, settings, begun := strings.Cut(string(text), "<!-- settings: begin -->")
	settings, _, ended := strings.Cut(settings, "<!-- settings: end -->")
	rows := row.FindAllStringSubmatch(settings, -1)
	if !begun || !ended || len(rows) == 0 {
		return nil, fmt.Errorf("%s: no settings between the marks", path)
	}
	root := section()
	for _, columns := range rows {
		keys := strings.Split(columns[1], ".")
		at := root
		for _, key := range keys[:len(keys)-1] {
			properties := at["properties"].(schema)
			if properties[key] == nil {
				properties[key] = section()
			}
			at = properties[key].(schema)
		}
		setting := nullable(taking(columns[3]))
		setting["description"] = fmt.Sprintf("%s Takes %s; default: %s.", columns[4], columns[3], columns[2])
		at["properties"].(schema)[keys[len(keys)-1]] = setting
	}
	return root, nil
}

func section() schema {
	return schema{"type": []string{"object", "null"}, "additionalProperties": false, "properties": schema{}}
}

var (
	wholeNumber = regexp.MustCompile(`^a whole number from (\d+) to (\d+)$`)
	number      = regexp.MustCompile(`^a number from ([\d.]+) to ([\d.]+)$`)
	oneOf       = regexp.MustCompile(`^one of ([\w./-]+(, [\w./-]+)*)$`)
)

// taking is the schema of a setting that takes `what`. Ranges of durations and sizes are left to the gateway itself, whose
// `check` the chart's test asks too.
func taking(what string) schema {
	switch {
	case what == "true or false":
		return schema{"type": "boolean"}
	case strings.HasPrefix(what, "a duration"):
		return schema{"type": "string", "pattern": `^\s*([0-9.]+\s*[a-zµ]+[\s,]*)+$`}
	case strings.HasPrefix(what, "a size"):
		return schema{"type": "string", "pattern": `^\s*[0-9]+\s*(B|KiB|MiB|GiB)\s*$`}
	case strings.HasPrefix(what, "a list"):
		return schema{"type": []string{"string", "array"}, "items": schema{"type": "string"}}
	}
	if range_ := wholeNumber.FindStringSubmatch(what); range_ != nil {
		return schema{"type": "integer", "minimum": float(range_[1]), "maximum": float(range_[2])}
	}
	if range_ := number.FindStringSubmatch(what); range_ != nil {
		return schema{"type": "number", "minimum": float(range_[1]), "maximum": float(range_[2])}
	}
	if words := oneOf.FindStringSubmatch(what); words != nil {
		return choices(strings.Split(words[1], ", "))
	}
	return schema{"type": "string"}
}

// nullable takes null too, which the chart leaves out of gateway.yaml.
func nullable(setting schema) schema {
	switch kind := setting["type"].(type) {
	case string:
		setting["type"] = []string{kind, "null"}
	case []string:
		setting["type"] = append(kind, "null")
	default:
		setting["enum"] = append(setting["enum"].([]any), nil)
	}
	return setting
}

// choices takes one of several texts. Where one looks like a number, YAML makes a number of it if nobody quotes it.
func choices(texts []string) schema {
	for _, text := range texts {
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			pattern := "^(" + strings.ReplaceAll(strings.Join(texts, "|"), ".", `\.`) + ")$"
			return schema{"type": []string{"string", "number"}, "pattern": pattern}
		}
	}
	allowed := make([]any, len(texts))
	for at, text := range texts {
		allowed[at] = text
	}
	return schema{"enum": allowed}
}

func float(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // the expression lets nothing else through
	}
	return value
}
