{{/* Names and labels. */}}

{{- define "verify-gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The beginning of all names: short enough that "-headless" and its like still fit into the 63 characters of a name. */}}
{{- define "verify-gateway.fullname" -}}
{{- $name := include "verify-gateway.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- end -}}

{{- define "verify-gateway.serviceAccountName" -}}
{{- $made := ternary (include "verify-gateway.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $made (include "verify-gateway.text" (dict "root" . "value" .Values.serviceAccount.name)) -}}
{{- end -}}

{{/* What finds the gateway's pods. It never changes: a Deployment's selector can't. */}}
{{- define "verify-gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "verify-gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{/* A text of the values, which may be a template. Takes root, value. */}}
{{- define "verify-gateway.text" -}}
{{- with .value }}{{ tpl . $.root }}{{ end -}}
{{- end -}}

{{/* A list or mapping of the values as YAML. Its texts may be templates. Takes root, value. */}}
{{- define "verify-gateway.tree" -}}
{{- with .value }}{{ tpl (toYaml .) $.root }}{{ end -}}
{{- end -}}

{{/*
The metadata of an object. Takes root, suffix of the name, component, and labels and annotations of the object's own. An
object of the whole cluster (`cluster`) has the namespace in its name, because the release may exist in several.
*/}}
{{- define "verify-gateway.metadata" -}}
{{- $root := .root -}}
name: {{ include "verify-gateway.fullname" $root }}{{ if .cluster }}-{{ $root.Release.Namespace }}{{ end }}{{ with .suffix }}-{{ . }}{{ end }}
{{- if not .cluster }}
namespace: {{ $root.Release.Namespace }}
{{- end }}
labels:
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
  app.kubernetes.io/name: {{ include "verify-gateway.name" $root }}
  app.kubernetes.io/instance: {{ $root.Release.Name }}
  app.kubernetes.io/component: {{ default "gateway" .component }}
  app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  {{- with merge (dict) (default dict .labels) (default dict $root.Values.commonLabels) }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- include "verify-gateway.tree" (dict "root" $root "value" .) | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "verify-gateway.image" -}}
{{- with default .Values.image.registry .Values.global.imageRegistry -}}{{ trimSuffix "/" . }}/{{- end -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* `imagePullSecrets` of a pod. Charts write the global ones as names or as objects. */}}
{{- define "verify-gateway.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range concat (default list .Values.global.imagePullSecrets) (default list .Values.imagePullSecrets) -}}
{{- if kindIs "string" . -}}
{{- $secrets = append $secrets (dict "name" (tpl . $)) -}}
{{- else -}}
{{- $secrets = append $secrets (dict "name" (tpl .name $)) -}}
{{- end -}}
{{- end -}}
{{- with uniq $secrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
