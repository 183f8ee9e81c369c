{{/* Parts of other objects that belong to the webhook port. */}}

{{/* The Secret with the certificate of the webhook port; empty where something else ends TLS. */}}
{{- define "verify-gateway.webhookSecret" -}}
{{- with .Values.webhooks -}}
{{- if .enabled -}}
{{- $existing := include "verify-gateway.text" (dict "root" $ "value" .tls.existingSecret) -}}
{{- ternary (printf "%s-webhooks-tls" (include "verify-gateway.fullname" $)) $existing .tls.certificate.enabled -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The part of gateway.yaml. */}}
{{- define "verify-gateway.webhookConfig" -}}
listen: {{ printf "%s:%v" .Values.listenAddress .Values.webhooks.port | quote }}
{{- if include "verify-gateway.webhookSecret" . }}
tls:
  certificate_file: /etc/verify-gateway/webhooks-tls/tls.crt
  key_file: /etc/verify-gateway/webhooks-tls/tls.key
{{- end }}
{{- end -}}

{{/* What `helm test` sends. A certificate that exists need not have the name of the Service, so there is no test for it. */}}
{{- define "verify-gateway.webhookTest" -}}
{{- if and .Values.webhooks.enabled (not .Values.webhooks.tls.existingSecret) -}}
{{- $tls := include "verify-gateway.webhookSecret" . -}}
- name: webhook
  args:
    - webhook
    - --url={{ ternary "https" "http" (ne $tls "") }}://{{ include "verify-gateway.fullname" . }}-webhooks.{{ .Release.Namespace }}.svc:{{ .Values.webhooks.service.port }}/webhooks/helm-test
    {{- if $tls }}
    - --ca=/webhooks-tls/ca.crt
    {{- end }}
  {{- $container := include "verify-gateway.testContainer" . | fromYaml }}
  {{- if $tls }}
  {{- $_ := set $container "volumeMounts" (list (dict "name" "webhooks-tls" "mountPath" "/webhooks-tls" "readOnly" true)) }}
  {{- else }}
  {{- $_ := unset $container "volumeMounts" }}
  {{- end }}
  {{- toYaml $container | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "verify-gateway.validate.webhooks" -}}
{{- $errors := list -}}
{{- with .Values.webhooks -}}
{{- if .enabled -}}
{{- if has (int .port) (list (int $.Values.ports.grpc) (int $.Values.ports.admin)) -}}
{{- $errors = append $errors (printf "webhooks.port is %v, which ports.grpc or ports.admin has too: choose another for one of them" .port) -}}
{{- end -}}
{{- if and .tls.existingSecret .tls.certificate.enabled -}}
{{- $errors = append $errors "webhooks.tls.existingSecret and webhooks.tls.certificate are both set: keep one" -}}
{{- end -}}
{{- if and .tls.certificate.enabled (not (get (default dict .tls.certificate.issuerRef) "name")) -}}
{{- $errors = append $errors "webhooks.tls.certificate is enabled, but nobody would issue it: set webhooks.tls.certificate.issuerRef.name" -}}
{{- end -}}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) -}}
{{- $errors = append $errors "webhooks.httpRoute is enabled, but belongs to no Gateway: name one in webhooks.httpRoute.parentRefs" -}}
{{- end -}}
{{- else if include "verify-gateway.configured" (dict "root" $ "path" "webhooks") -}}
{{- $errors = append $errors "config.webhooks is set, but webhooks.enabled is false, so the gateway would take none: set it to true, or leave config.webhooks out" -}}
{{- end -}}
{{- end -}}
{{- toYaml $errors -}}
{{- end -}}
