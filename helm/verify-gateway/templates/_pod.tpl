{{/* Parts of the pod. */}}

{{/* The name of the Secret that an ExternalSecret makes, or that exists. Takes root, source (`tenants` or `keys`). */}}
{{- define "verify-gateway.secretName" -}}
{{- $source := get .root.Values .source -}}
{{- if $source.externalSecret.enabled -}}
{{ include "verify-gateway.fullname" .root }}-{{ .source }}
{{- else -}}
{{ include "verify-gateway.text" (dict "root" .root "value" $source.existingSecret) }}
{{- end -}}
{{- end -}}

{{/* The volume of `tenants` or `keys`, empty where nothing is set. Takes root, source. */}}
{{- define "verify-gateway.sourceVolume" -}}
{{- $values := get .root.Values .source -}}
{{- $fullname := include "verify-gateway.fullname" .root -}}
{{- if and (eq .source "tenants") .root.Values.simulator.enabled -}}
secret: { secretName: {{ $fullname }}-simulator, defaultMode: 0440 }
{{- else if $values.csi.enabled -}}
csi:
  driver: secrets-store.csi.k8s.io
  readOnly: true
  volumeAttributes:
    secretProviderClass: {{ default (printf "%s-%s" $fullname .source) $values.csi.secretProviderClass }}
{{- else if get $values "existingConfigMap" -}}
configMap: { name: {{ include "verify-gateway.text" (dict "root" .root "value" $values.existingConfigMap) }} }
{{- else if include "verify-gateway.secretName" . -}}
secret: { secretName: {{ include "verify-gateway.secretName" . }}, defaultMode: 0440 }
{{- end -}}
{{- end -}}

{{/* Names of the volumes and what they are; each is mounted at /etc/verify-gateway/NAME. No subPath: files stay hot. */}}
{{- define "verify-gateway.volumes" -}}
config:
  configMap: { name: {{ include "verify-gateway.fullname" . }} }
{{- range $source := list "tenants" "keys" }}
{{- with include "verify-gateway.sourceVolume" (dict "root" $ "source" $source) }}
{{ $source }}:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- if eq (include "verify-gateway.backend" .) "redis" }}
store:
  secret: { secretName: {{ include "verify-gateway.text" (dict "root" . "value" .Values.store.existingSecret) }}, defaultMode: 0440 }
{{- end }}
{{- with include "verify-gateway.webhookSecret" . }}
webhooks-tls:
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- if .Values.tls.enabled }}
tls:
  secret: { secretName: {{ include "verify-gateway.tlsSecret" . }}, defaultMode: 0440 }
{{- if ne .Values.tls.clientCertificate "none" }}
client-ca:
  secret:
    secretName: {{ include "verify-gateway.text" (dict "root" . "value" .Values.tls.clientCa.existingSecret) }}
    defaultMode: 0440
    items: [{ key: {{ .Values.tls.clientCa.key }}, path: {{ .Values.tls.clientCa.key }} }]
{{- end }}
{{- end }}
{{- end -}}

{{- define "verify-gateway.tlsSecret" -}}
{{- $existing := include "verify-gateway.text" (dict "root" . "value" .Values.tls.existingSecret) -}}
{{- ternary (printf "%s-tls" (include "verify-gateway.fullname" .)) $existing .Values.tls.certificate.enabled -}}
{{- end -}}

{{/* Whether the pods get the token of their service account. The gateway reads the keys of its cluster with it. */}}
{{- define "verify-gateway.automountToken" -}}
{{- or .Values.serviceAccount.automountToken .Values.serviceAccountCallers.enabled -}}
{{- end -}}

{{/*
One probe. Takes root, and probe (`startup`, `readiness` or `liveness`). Only readiness asks whether calls should be sent:
a gateway that waits for its store is not to be killed for it.
*/}}
{{- define "verify-gateway.probe" -}}
{{- if .root.Values.tls.enabled -}}
httpGet:
  port: admin
  path: {{ ternary "/readyz" "/livez" (eq .probe "readiness") }}
{{- else -}}
grpc:
  port: {{ .root.Values.ports.grpc }}
  {{- if ne .probe "readiness" }}
  service: liveness
  {{- end }}
{{- end }}
{{- with get .root.Values.probes .probe }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Values whose name, kind and place in the pod's spec are Kubernetes' own, as YAML. One that is empty is left out. */}}
{{- define "verify-gateway.scheduling" -}}
{{- $given := dict -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" "schedulerName" "hostAliases" "dnsPolicy" "dnsConfig" -}}
{{- with get $.Values $key -}}{{- $_ := set $given $key . -}}{{- end -}}
{{- end -}}
{{- include "verify-gateway.tree" (dict "root" . "value" $given) -}}
{{- end -}}

{{/* The simulator: a sidecar that is there before the gateway and outlives its drain. It listens on loopback alone. */}}
{{- define "verify-gateway.simulator" -}}
- name: simulator
  image: {{ include "verify-gateway.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  args:
    - simulator
    - --listen=127.0.0.1:{{ .Values.simulator.port }}
    {{- range $name, $value := .Values.simulator.settings }}
    - {{ printf "--set=%s=%s" $name (kindIs "string" $value | ternary (toString $value) (toJson $value)) | quote }}
    {{- end }}
  {{- with .Values.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.simulator.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
