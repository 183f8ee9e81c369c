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
tenants.file: tenants.file
store.replicas: replicaCount or autoscaling
store.redis.hash_key_file: store.hashKey
store.redis.password_file: store.passwordKey
store.redis.sentinel_password_file: store.sentinelPasswordKey
store.redis.ca_file: store.caKey
{{- end -}}

{{- define "verify-gateway.validate.config" -}}
{{- $errors := list -}}
{{- $env := list -}}
{{- range .Values.extraEnv -}}{{- $env = append $env .name -}}{{- end -}}
{{- range $setting, $value := include "verify-gateway.ownedSettings" . | fromYaml -}}
{{- if include "verify-gateway.setting" (dict "config" $.Values.config "path" $setting) -}}
{{- $errors = append $errors (printf "config.%s is set by the chart: leave it out, and set %s" $setting $value) -}}
{{- end -}}
{{- $variable := printf "VERIFY_GATEWAY_%s" ($setting | replace "." "__" | upper) -}}
{{- if has $variable $env -}}
{{- $errors = append $errors (printf "extraEnv has %s, which the chart sets: leave it out, and set %s" $variable $value) -}}
{{- end -}}
{{- end -}}
{{- $backend := include "verify-gateway.backend" . -}}
{{- $redis := dig "store" "redis" (dict) .Values.config -}}
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

{{- define "verify-gateway.validate.sources" -}}
{{- $errors := list -}}
{{- range $source := list "tenants" "keys" -}}
{{- $values := get $.Values $source -}}
{{- $given := include "verify-gateway.sources" (dict "root" $ "source" $source) | fromYamlArray -}}
{{- if gt (len $given) 1 -}}
{{- $errors = append $errors (printf "%s come from %s at once: keep one" $source (join " and " $given)) -}}
{{- end -}}
{{- with $values.externalSecret -}}
{{- if and .enabled (not (get .secretStoreRef "name")) -}}
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
{{- if include "verify-gateway.setting" (dict "config" .Values.config "path" "upstream.base_url") -}}
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
{{- if not (or .targetCPUUtilizationPercentage .targetMemoryUtilizationPercentage .metrics) -}}
{{- $errors = append $errors "autoscaling has nothing to go by: set autoscaling.targetCPUUtilizationPercentage, targetMemoryUtilizationPercentage or metrics" -}}
{{- end -}}
{{- range $resource, $target := dict "cpu" "targetCPUUtilizationPercentage" "memory" "targetMemoryUtilizationPercentage" -}}
{{- if and (get $.Values.autoscaling $target) (not (dig "requests" $resource "" $.Values.resources)) -}}
{{- $errors = append $errors (printf "autoscaling.%s is a share of what is requested, and nothing is: set resources.requests.%s" $target $resource) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.podDisruptionBudget -}}
{{- if .enabled -}}
{{- $least := ternary $.Values.autoscaling.minReplicas $.Values.replicaCount $.Values.autoscaling.enabled | int -}}
{{- $min := toString .minAvailable -}}
{{- $max := toString .maxUnavailable -}}
{{- if and (ne $min "") (ne $max "") -}}
{{- $errors = append $errors "podDisruptionBudget has both minAvailable and maxUnavailable: keep one" -}}
{{- end -}}
{{- if or (eq $min "100%") (and (regexMatch "^[0-9]+$" $min) (ge (int $min) $least)) -}}
{{- $errors = append $errors (printf "podDisruptionBudget.minAvailable is %s, and there may be no more than %d pods, so no node could ever be drained: lower it, or set maxUnavailable instead" $min $least) -}}
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
{{- if and .certificate.enabled (not (get .certificate.issuerRef "name")) -}}
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
{{- with .Values.monitoring.serviceMonitor -}}
{{- if and .enabled (not $.Values.adminService.enabled) -}}
{{- $errors = append $errors "monitoring.serviceMonitor is enabled, but the Service that it scrapes is not: set adminService.enabled to true" -}}
{{- end -}}
{{- if and .enabled (gt (include "verify-gateway.seconds" .scrapeTimeout | int) (include "verify-gateway.seconds" .interval | int)) -}}
{{- $errors = append $errors (printf "monitoring.serviceMonitor.scrapeTimeout is %s, longer than its interval of %s: lower it" .scrapeTimeout .interval) -}}
{{- end -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}
