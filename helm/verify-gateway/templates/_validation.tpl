{{/* Each of these is a YAML list of sentences. */}}

{{/* Settings that the chart sets, and the values by which it does. */}}
{{- define "verify-gateway.ownedSettings" -}}
grpc.listen: ports.grpc and listenAddress
grpc.plaintext: tls.enabled
grpc.tls.certificate_file: tls.existingSecret or tls.certificate
grpc.tls.key_file: tls.existingSecret or tls.certificate
grpc.tls.client_ca_file: tls.clientCa
grpc.tls.client_certificate: tls.clientCertificate
admin.listen: ports.admin and listenAddress
webhooks.listen: webhooks.port and listenAddress
webhooks.tls.certificate_file: webhooks.tls.existingSecret or webhooks.tls.certificate
webhooks.tls.key_file: webhooks.tls.existingSecret or webhooks.tls.certificate
tenants.file: tenants.file
store.replicas: replicaCount or autoscaling
store.redis.hash_key_file: store.hashKey
store.redis.password_file: store.passwordKey
store.redis.sentinel_password_file: store.sentinelPasswordKey
store.redis.ca_file: store.caKey
{{- end -}}

{{- define "verify-gateway.validate.config" -}}
{{- $errors := list -}}
{{- range $setting, $value := include "verify-gateway.ownedSettings" . | fromYaml -}}
{{- if include "verify-gateway.configured" (dict "root" $ "path" $setting) -}}
{{- $errors = append $errors (printf "config.%s is set by the chart: leave it out, and set %s" $setting $value) -}}
{{- end -}}
{{- end -}}
{{- $backend := include "verify-gateway.backend" . -}}
{{- $redis := dig "store" "redis" (dict) (include "verify-gateway.given" . | fromYaml) -}}
{{- if and (eq $backend "memory") $redis -}}
{{- $errors = append $errors "config.store.redis is set, but config.store.backend is memory: set it to redis, or leave config.store.redis out" -}}
{{- end -}}
{{- if and (eq $backend "redis") (not (include "verify-gateway.redisUrls" . | fromJsonArray)) -}}
{{- $errors = append $errors "config.store.backend is redis, but there is no address of one: set config.store.redis.url" -}}
{{- end -}}
{{- if and (eq $backend "redis") (not .Values.store.existingSecret) -}}
{{- $errors = append $errors "config.store.backend is redis, but there is no key by which the replicas hash phone numbers: name a Secret with it in store.existingSecret" -}}
{{- end -}}
{{- if and (eq $backend "memory") .Values.store.existingSecret -}}
{{- $errors = append $errors "store.existingSecret is set, but config.store.backend is memory: set it to redis, or leave store.existingSecret out" -}}
{{- end -}}
{{- if eq (int .Values.ports.grpc) (int .Values.ports.admin) -}}
{{- $errors = append $errors (printf "ports.grpc and ports.admin are both %v: choose another for one of them" .Values.ports.grpc) -}}
{{- end -}}
{{- $drain := include "verify-gateway.drainSeconds" . | int -}}
{{- $termination := include "verify-gateway.terminationSeconds" . | int -}}
{{- if le $termination $drain -}}
{{- $errors = append $errors (printf "terminationGracePeriodSeconds is %d, but preStopSeconds, config.shutdown.delay and config.shutdown.grace_period take %d together, so running calls would be killed: set it to more than that, or leave it out" $termination $drain) -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}

{{/* What people add to the container must not contradict what the chart derives from `config`. */}}
{{- define "verify-gateway.validate.container" -}}
{{- $errors := list -}}
{{- range include "verify-gateway.env" . | fromYamlArray -}}
{{- if hasPrefix "VERIFY_GATEWAY_" .name -}}
{{- $setting := trimPrefix "VERIFY_GATEWAY_" .name | lower | replace "__" "." -}}
{{- $value := get (include "verify-gateway.ownedSettings" $ | fromYaml) $setting | default (printf "config.%s" $setting) -}}
{{- $errors = append $errors (printf "extraEnv has %s, a setting that the chart would not see: leave it out, and set %s" .name $value) -}}
{{- end -}}
{{- if and $.Values.networkPolicy.enabled (regexMatch "^OTEL_EXPORTER_OTLP_([A-Z]+_)?ENDPOINT$" .name) (not (get . "value")) -}}
{{- $errors = append $errors (printf "extraEnv takes %s from elsewhere, so the network policy can't have its port: give it a value" .name) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraArgs -}}
{{- if hasPrefix "--config" . -}}
{{- $errors = append $errors "extraArgs has --config, which the chart sets: leave it out, and set config" -}}
{{- end -}}
{{- end -}}
{{- if and (default .Values.image.registry .Values.global.imageRegistry) (regexMatch "^([^/]*[.:][^/]*|localhost)/" .Values.image.repository) -}}
{{- $errors = append $errors (printf "image.repository is %s, which begins with a registry, but global.imageRegistry or image.registry names one too: leave it out of image.repository" .Values.image.repository) -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}

{{/* Names that Kubernetes takes, and labels that stay as selectors and people expect them. */}}
{{- define "verify-gateway.validate.names" -}}
{{- $errors := list -}}
{{- $name := include "verify-gateway.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- $errors = append $errors (printf "the Services would be named %s, but their names begin with a letter, and have lower-case letters, digits and hyphens alone: choose another name of the release, or set fullnameOverride" $name) -}}
{{- end -}}
{{- $owned := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" -}}
{{- $monitoring := .Values.monitoring -}}
{{- $labels := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels "monitoring.serviceMonitor.labels" $monitoring.serviceMonitor.labels "monitoring.podMonitor.labels" $monitoring.podMonitor.labels "monitoring.prometheusRule.labels" $monitoring.prometheusRule.labels "monitoring.dashboard.labels" $monitoring.dashboard.labels -}}
{{- range $value, $given := $labels -}}
{{- range $label, $_ := $given -}}
{{- if has $label $owned -}}
{{- $errors = append $errors (printf "%s has %s, which the chart sets: leave it out" $value $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if hasKey (default dict .Values.podAnnotations) "checksum/config" -}}
{{- $errors = append $errors "podAnnotations has checksum/config, which the chart sets: leave it out" -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}

{{- define "verify-gateway.validate.sources" -}}
{{- $errors := list -}}
{{- range $source := list "tenants" "keys" -}}
{{- $values := get $.Values $source -}}
{{- $given := include "verify-gateway.sources" (dict "root" $ "source" $source) | fromYamlArray -}}
{{- if gt (len $given) 1 -}}
{{- $errors = append $errors (printf "%s come from %s at once: keep one" $source (join " and " $given)) -}}
{{- end -}}
{{- with $values.externalSecret -}}
{{- if and .enabled (not (get (default dict .secretStoreRef) "name")) -}}
{{- $errors = append $errors (printf "%s.externalSecret is enabled, but names no store: set %s.externalSecret.secretStoreRef.name" $source $source) -}}
{{- end -}}
{{- if and .enabled (not .data) (not .dataFrom) -}}
{{- $errors = append $errors (printf "%s.externalSecret is enabled, but takes nothing from the store: set %s.externalSecret.data or dataFrom" $source $source) -}}
{{- end -}}
{{- end -}}
{{- if and $values.csi.enabled (not $values.csi.secretProviderClass) (not $values.csi.provider) -}}
{{- $errors = append $errors (printf "%s.csi is enabled, but has no provider: set %s.csi.provider, or name a SecretProviderClass that exists in %s.csi.secretProviderClass" $source $source $source) -}}
{{- end -}}
{{- if and $values.csi.secretProviderClass $values.csi.provider -}}
{{- $errors = append $errors (printf "%s.csi.secretProviderClass names one that exists, so %s.csi.provider would do nothing: keep one of the two" $source $source) -}}
{{- end -}}
{{- end -}}
{{- if not (or .Values.simulator.enabled (include "verify-gateway.sources" (dict "root" . "source" "tenants") | fromYamlArray)) -}}
{{- $errors = append $errors "there is no tenants file, and nothing is served without a tenant: name a Secret with one in tenants.existingSecret, or set simulator.enabled to try the gateway without Telnyx" -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}

{{/* Where `tenants` or `keys` come from, as a YAML list of values' names. Takes root, source. */}}
{{- define "verify-gateway.sources" -}}
{{- $values := get .root.Values .source -}}
{{- $given := list -}}
{{- range $key := list "existingSecret" "existingConfigMap" -}}
{{- if get $values $key -}}{{- $given = append $given (printf "%s.%s" $.source $key) -}}{{- end -}}
{{- end -}}
{{- range $key := list "externalSecret" "csi" -}}
{{- if (get $values $key).enabled -}}{{- $given = append $given (printf "%s.%s" $.source $key) -}}{{- end -}}
{{- end -}}
{{- toYaml $given -}}
{{- end -}}

{{- define "verify-gateway.validate.simulator" -}}
{{- $errors := list -}}
{{- if .Values.simulator.enabled -}}
{{- $real := concat
      (include "verify-gateway.sources" (dict "root" . "source" "tenants") | fromYamlArray)
      (include "verify-gateway.sources" (dict "root" . "source" "keys") | fromYamlArray) -}}
{{- with $real -}}
{{- $errors = append $errors (printf "simulator.enabled is true, but so are real tenants or keys (%s): nobody would get their codes. Switch the simulator off, or leave them out" (join ", " .)) -}}
{{- end -}}
{{- if include "verify-gateway.configured" (dict "root" . "path" "upstream.base_url") -}}
{{- $errors = append $errors "simulator.enabled is true, but config.upstream.base_url leads elsewhere: leave it out, or switch the simulator off" -}}
{{- end -}}
{{- if gt (include "verify-gateway.replicas" . | int) 1 -}}
{{- $errors = append $errors "simulator.enabled is true, but there is more than one pod, and each would have a simulator that knows nothing of the others' codes: set replicaCount to 1 and autoscaling.enabled to false" -}}
{{- end -}}
{{- if has (int .Values.simulator.port) (list (int .Values.ports.grpc) (int .Values.ports.admin)) -}}
{{- $errors = append $errors (printf "simulator.port is %v, as is one of the gateway's ports: choose another" .Values.simulator.port) -}}
{{- end -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}

{{- define "verify-gateway.validate.replicas" -}}
{{- $errors := list -}}
{{- $replicas := include "verify-gateway.replicas" . | int -}}
{{- if and (gt $replicas 1) (eq (include "verify-gateway.backend" .) "memory") -}}
{{- $value := ternary "autoscaling.maxReplicas" "replicaCount" .Values.autoscaling.enabled -}}
{{- $errors = append $errors (printf "%s is %d, but config.store.backend is memory: replicas would not share their records, and could send one message twice. Set config.store.backend to redis, or %s" $value $replicas (ternary "autoscaling.enabled to false" "replicaCount to 1" .Values.autoscaling.enabled)) -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- if .enabled -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- $errors = append $errors (printf "autoscaling.minReplicas is %v, more than autoscaling.maxReplicas, which is %v: lower the one or raise the other" .minReplicas .maxReplicas) -}}
{{- end -}}
{{- if and .keda.enabled (not .keda.triggers) -}}
{{- $errors = append $errors "autoscaling.keda is enabled, but has nothing to go by: set autoscaling.keda.triggers" -}}
{{- end -}}
{{- if and .keda.enabled .metrics -}}
{{- $errors = append $errors "autoscaling.keda is enabled, so autoscaling.metrics would do nothing: make triggers of them, or leave them out" -}}
{{- end -}}
{{- if not (or .keda.enabled .targetCPUUtilizationPercentage .targetMemoryUtilizationPercentage .metrics) -}}
{{- $errors = append $errors "autoscaling has nothing to go by: set autoscaling.targetCPUUtilizationPercentage, targetMemoryUtilizationPercentage or metrics" -}}
{{- end -}}
{{- range $resource, $target := dict "cpu" "targetCPUUtilizationPercentage" "memory" "targetMemoryUtilizationPercentage" -}}
{{- if and (not $.Values.autoscaling.keda.enabled) (get $.Values.autoscaling $target) (not (dig "requests" $resource "" (default dict $.Values.resources))) -}}
{{- $errors = append $errors (printf "autoscaling.%s is a share of what is requested, and nothing is: set resources.requests.%s" $target $resource) -}}
{{- end -}}
{{- end -}}
{{- else if .keda.enabled -}}
{{- $errors = append $errors "autoscaling.keda is enabled, but autoscaling is not: set autoscaling.enabled to true" -}}
{{- end -}}
{{- end -}}
{{- with .Values.podDisruptionBudget -}}
{{- if .enabled -}}
{{- $least := ternary $.Values.autoscaling.minReplicas $.Values.replicaCount $.Values.autoscaling.enabled | int -}}
{{- $budget := include "verify-gateway.budget" $ | fromYaml -}}
{{- $min := toString (get $budget "minAvailable") -}}
{{- $max := toString (get $budget "maxUnavailable") -}}
{{- if eq (len $budget) 2 -}}
{{- $errors = append $errors "podDisruptionBudget has both minAvailable and maxUnavailable: keep one" -}}
{{- end -}}
{{- /* Kubernetes rounds a share up. */ -}}
{{- $needed := hasSuffix "%" $min | ternary (div (add (mul (trimSuffix "%" $min | int) $least) 99) 100) (int64 $min) -}}
{{- if and $least (ge $needed (int64 $least)) -}}
{{- $errors = append $errors (printf "podDisruptionBudget.minAvailable is %s, which is %d of %d pods, so no node could ever be drained: lower it, or set maxUnavailable instead" $min $needed $least) -}}
{{- end -}}
{{- if has $max (list "0" "0%") -}}
{{- $errors = append $errors (printf "podDisruptionBudget.maxUnavailable is %s, so no node could ever be drained: set it to 1 or more" $max) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}

{{- define "verify-gateway.validate.tls" -}}
{{- $errors := list -}}
{{- with .Values.tls -}}
{{- if .enabled -}}
{{- if not (or .existingSecret .certificate.enabled) -}}
{{- $errors = append $errors "tls.enabled is true, but there is no certificate: name a Secret with one in tls.existingSecret, or set tls.certificate.enabled to have cert-manager make it" -}}
{{- end -}}
{{- if and .existingSecret .certificate.enabled -}}
{{- $errors = append $errors "tls.existingSecret and tls.certificate are both set: keep one" -}}
{{- end -}}
{{- if and .certificate.enabled (not (get (default dict .certificate.issuerRef) "name")) -}}
{{- $errors = append $errors "tls.certificate is enabled, but nobody would issue it: set tls.certificate.issuerRef.name" -}}
{{- end -}}
{{- else if or .existingSecret .certificate.enabled .clientCa.existingSecret (ne .clientCertificate "none") -}}
{{- $errors = append $errors "tls has a certificate or asks for callers' certificates, but tls.enabled is false, so callers would speak plaintext: set it to true, or leave the rest out" -}}
{{- end -}}
{{- if and (ne .clientCertificate "none") (not .clientCa.existingSecret) -}}
{{- $errors = append $errors (printf "tls.clientCertificate is %s, but there is no CA to check it by: name a Secret with one in tls.clientCa.existingSecret" .clientCertificate) -}}
{{- end -}}
{{- if and (eq .clientCertificate "none") .clientCa.existingSecret -}}
{{- $errors = append $errors "tls.clientCa is set, but tls.clientCertificate is none, so no certificate would be checked: set it to optional or required" -}}
{{- end -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}

{{- define "verify-gateway.validate.objects" -}}
{{- $errors := list -}}
{{- if and .Values.grpcRoute.enabled (not .Values.grpcRoute.parentRefs) -}}
{{- $errors = append $errors "grpcRoute is enabled, but belongs to no Gateway: name one in grpcRoute.parentRefs" -}}
{{- end -}}
{{- $monitoring := .Values.monitoring -}}
{{- if and $monitoring.serviceMonitor.enabled (not .Values.adminService.enabled) -}}
{{- $errors = append $errors "monitoring.serviceMonitor is enabled, but the Service that it scrapes is not: set adminService.enabled to true, or monitoring.podMonitor.enabled instead" -}}
{{- end -}}
{{- if and $monitoring.serviceMonitor.enabled $monitoring.podMonitor.enabled -}}
{{- $errors = append $errors "monitoring.serviceMonitor and monitoring.podMonitor are both enabled, so every series would be there twice: keep one" -}}
{{- end -}}
{{- range $monitor := list "serviceMonitor" "podMonitor" -}}
{{- with get $monitoring $monitor -}}
{{- if and .enabled (gt (include "verify-gateway.seconds" .scrapeTimeout | int) (include "verify-gateway.seconds" .interval | int)) -}}
{{- $errors = append $errors (printf "monitoring.%s.scrapeTimeout is %s, longer than its interval of %s: lower it" $monitor .scrapeTimeout .interval) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.service -}}
{{- $outside := list "nodePort" "externalTrafficPolicy" -}}
{{- $balancer := list "loadBalancerClass" "loadBalancerSourceRanges" "allocateLoadBalancerNodePorts" -}}
{{- range $key := concat $outside $balancer -}}
{{- $types := has $key $outside | ternary (list "NodePort" "LoadBalancer") (list "LoadBalancer") -}}
{{- $value := get $.Values.service $key -}}
{{- if and (or $value (kindIs "bool" $value)) (not (has $.Values.service.type $types)) -}}
{{- $errors = append $errors (printf "service.%s is set, but service.type is %s: set the type to %s, or leave service.%s out" $key $.Values.service.type (join " or " $types) $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}
