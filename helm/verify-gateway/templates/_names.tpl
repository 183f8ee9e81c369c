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
{{- default $made .Values.serviceAccount.name -}}
{{- end -}}

{{/* What finds the gateway's pods. It never changes: a Deployment's selector can't. */}}
{{- define "verify-gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "verify-gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{/* The metadata of an object. Takes root, suffix of the name, component, and labels and annotations of the object's own. */}}
{{- define "verify-gateway.metadata" -}}
{{- $root := .root -}}
name: {{ include "verify-gateway.fullname" $root }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
  app.kubernetes.io/name: {{ include "verify-gateway.name" $root }}
  app.kubernetes.io/instance: {{ $root.Release.Name }}
  app.kubernetes.io/component: {{ default "gateway" .component }}
  app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  {{- with merge (dict) (default dict .labels) $root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "verify-gateway.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}
