// Command podsecurity holds the pods among the objects on its standard input to Pod Security's level `restricted`, by the
// code that admission itself runs. It prints what is not allowed, and fails where there is something, or no pod.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	convert "sigs.k8s.io/yaml"
)

func main() {
	log.SetFlags(0)
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	check(err)
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	pods, refused := 0, 0
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		check(err)
		name, metadata, spec := pod(document)
		if spec == nil {
			continue
		}
		pods++
		for _, result := range evaluator.EvaluatePod(restricted, metadata, spec) {
			if !result.Allowed {
				refused++
				fmt.Printf("%s: %s: %s\n", name, result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
	}
	if pods == 0 {
		log.Fatal("there is no pod")
	}
	if refused > 0 {
		os.Exit(1)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// pod finds the pod in a Deployment or a Pod; other objects have none.
func pod(document []byte) (string, *metav1.ObjectMeta, *corev1.PodSpec) {
	var kind metav1.PartialObjectMetadata
	check(convert.Unmarshal(document, &kind))
	name := kind.Kind + " " + kind.Name
	switch kind.Kind {
	case "Deployment":
		var deployment appsv1.Deployment
		check(convert.Unmarshal(document, &deployment))
		return name, &deployment.Spec.Template.ObjectMeta, &deployment.Spec.Template.Spec
	case "Pod":
		var pod corev1.Pod
		check(convert.Unmarshal(document, &pod))
		return name, &pod.ObjectMeta, &pod.Spec
	}
	return name, nil, nil
}
