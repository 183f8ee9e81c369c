{{/* gateway.yaml, and what follows from it. */}}

{{/* A setting of `config` or of what the chart sets, as text; empty where neither has it. Takes config and path. */}}
{{- define "verify-gateway.setting" -}}
{{- $at := .config -}}
{{- range splitList "." .path -}}
{{- $at = ternary (get (default dict $at) .) "" (kindIs "map" $at) -}}
{{- end -}}
{{- if not (kindIs "invalid" $at) -}}{{ $at }}{{- end -}}
{{- end -}}

{{/* `config` with its templates filled in. A setting or section that is null is left out. */}}
{{- define "verify-gateway.given" -}}
{{- include "verify-gateway.prune" (include "verify-gateway.tree" (dict "root" . "value" .Values.config) | fromYaml) -}}
{{- end -}}

{{- define "verify-gateway.prune" -}}
{{- $kept := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "map" $value -}}{{- $value = include "verify-gateway.prune" $value | fromYaml -}}{{- end -}}
{{- if not (or (kindIs "invalid" $value) (and (kindIs "map" $value) (empty $value))) -}}
{{- $_ := set $kept $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $kept -}}
{{- end -}}

{{/* A setting of `config`. Takes root, path. */}}
{{- define "verify-gateway.configured" -}}
{{- include "verify-gateway.setting" (dict "config" (include "verify-gateway.given" .root | fromYaml) "path" .path) -}}
{{- end -}}

{{/* What the chart decides: addresses, files, and all that must fit the objects around it. */}}
{{- define "verify-gateway.owned" -}}
{{- $dir := "/etc/verify-gateway" -}}
grpc:
  listen: {{ printf "%s:%v" .Values.listenAddress .Values.ports.grpc | quote }}
  {{- if .Values.tls.enabled }}
  tls:
    certificate_file: {{ $dir }}/tls/tls.crt
    key_file: {{ $dir }}/tls/tls.key
    client_certificate: {{ .Values.tls.clientCertificate }}
    {{- if ne .Values.tls.clientCertificate "none" }}
    client_ca_file: {{ $dir }}/client-ca/{{ .Values.tls.clientCa.key }}
    {{- end }}
  {{- else }}
  plaintext: true
  {{- end }}
admin:
  listen: {{ printf "%s:%v" .Values.listenAddress .Values.ports.admin | quote }}
{{- if .Values.webhooks.enabled }}
webhooks:
  {{- include "verify-gateway.webhookConfig" . | nindent 2 }}
{{- end }}
tenants:
  file: {{ $dir }}/tenants/{{ .Values.tenants.file }}
{{- if .Values.simulator.enabled }}
upstream:
  base_url: http://127.0.0.1:{{ .Values.simulator.port }}/v2
{{- end }}
{{- if eq (include "verify-gateway.backend" .) "redis" }}
store:
  replicas: {{ include "verify-gateway.replicas" . }}
  redis:
    hash_key_file: {{ $dir }}/store/{{ .Values.store.hashKey }}
    {{- with .Values.store.passwordKey }}
    password_file: {{ $dir }}/store/{{ . }}
    {{- end }}
    {{- with .Values.store.sentinelPasswordKey }}
    sentinel_password_file: {{ $dir }}/store/{{ . }}
    {{- end }}
    {{- with .Values.store.caKey }}
    ca_file: {{ $dir }}/store/{{ . }}
    {{- end }}
{{- end }}
{{- end -}}

{{- define "verify-gateway.config" -}}
{{- $owned := include "verify-gateway.owned" . | fromYaml -}}
{{- toYaml (mergeOverwrite (include "verify-gateway.given" . | fromYaml) $owned) -}}
{{- end -}}

{{- define "verify-gateway.backend" -}}
{{- default "memory" (include "verify-gateway.configured" (dict "root" . "path" "store.backend")) -}}
{{- end -}}

{{/* How many pods there may be at once. */}}
{{- define "verify-gateway.replicas" -}}
{{- ternary .Values.autoscaling.maxReplicas .Values.replicaCount .Values.autoscaling.enabled | int -}}
{{- end -}}

{{/* What is given of `minAvailable` and `maxUnavailable`: a whole number, or a text with a percent sign. */}}
{{- define "verify-gateway.budget" -}}
{{- $given := dict -}}
{{- range $key := list "minAvailable" "maxUnavailable" -}}
{{- $value := get $.Values.podDisruptionBudget $key -}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) -}}
{{- $_ := set $given $key (hasSuffix "%" (toString $value) | ternary (toString $value) (int $value)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $given -}}
{{- end -}}

{{/* A duration such as "1m 30s" in whole seconds, rounded up. */}}
{{- define "verify-gateway.seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9.]+ *[a-z]+" . -1 -}}
{{- $sum = addf $sum (mulf (regexFind "[0-9.]+" . | float64) (get $units (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- ceil $sum | int -}}
{{- end -}}

{{/* The seconds from the order to stop until the last call is answered. */}}
{{- define "verify-gateway.drainSeconds" -}}
{{- $delay := default "0s" (include "verify-gateway.configured" (dict "root" . "path" "shutdown.delay")) -}}
{{- $grace := default "20s" (include "verify-gateway.configured" (dict "root" . "path" "shutdown.grace_period")) -}}
{{- add .Values.preStopSeconds (include "verify-gateway.seconds" $delay) (include "verify-gateway.seconds" $grace) -}}
{{- end -}}

{{/* Ten seconds more than that, in which the last spans are exported. */}}
{{- define "verify-gateway.terminationSeconds" -}}
{{- $own := .Values.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $own -}}
{{- add 10 (include "verify-gateway.drainSeconds" .) -}}
{{- else -}}
{{- $own | int -}}
{{- end -}}
{{- end -}}

{{/* The port of a URL. */}}
{{- define "verify-gateway.port" -}}
{{- $url := urlParse . -}}
{{- $given := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $defaults := dict "http" "80" "redis" "6379" "rediss" "6379" -}}
{{- default (default "443" (get $defaults $url.scheme)) $given -}}
{{- end -}}

{{/*
The variables of the gateway as a YAML list: `extraEnv`, with its templates filled in.
*/}}
{{- define "verify-gateway.env" -}}
{{- include "verify-gateway.tree" (dict "root" . "value" .Values.extraEnv) | default "[]" -}}
{{- end -}}

{{/* Where telemetry goes, as a JSON list of URLs: the setting, and OpenTelemetry's own variables, which override it. */}}
{{- define "verify-gateway.collectors" -}}
{{- $urls := list (include "verify-gateway.configured" (dict "root" . "path" "telemetry.otlp.endpoint")) -}}
{{- range include "verify-gateway.env" . | fromYamlArray -}}
{{- if regexMatch "^OTEL_EXPORTER_OTLP_([A-Z]+_)?ENDPOINT$" .name -}}{{- $urls = append $urls (get . "value") -}}{{- end -}}
{{- end -}}
{{- toJson (compact $urls) -}}
{{- end -}}

{{/* Where the store is, as a JSON list of URLs. */}}
{{- define "verify-gateway.redisUrls" -}}
{{- $redis := dig "store" "redis" (dict) (include "verify-gateway.given" . | fromYaml) -}}
{{- $urls := default (get $redis "url") (get $redis "urls") -}}
{{- if kindIs "string" $urls -}}{{- $urls = splitList "," (nospace $urls) -}}{{- end -}}
{{- toJson (compact (default (list) $urls)) -}}
{{- end -}}
