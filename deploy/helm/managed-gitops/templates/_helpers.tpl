{{- define "managed-gitops.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "managed-gitops.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "managed-gitops.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "managed-gitops.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* What also a program needs that runs outside of the cluster. */}}
{{- define "managed-gitops.rightsLabels" -}}
{{ include "managed-gitops.labels" . }}
app.kubernetes.io/component: rights
{{- end -}}

{{/* The Deployments: a list of roles, each of which is a command of the program. */}}
{{- define "managed-gitops.roles" -}}
{{- if eq .Values.mode "split" -}}backend agent{{- else -}}all{{- end -}}
{{- end -}}

{{/* The name of a role's Deployment and account. Takes a dict with `root` and `role`. */}}
{{- define "managed-gitops.roleName" -}}
{{- $name := include "managed-gitops.name" .root -}}
{{- if eq .role "all" -}}{{ $name }}{{- else -}}{{ $name }}-{{ .role }}{{- end -}}
{{- end -}}

{{- define "managed-gitops.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "managed-gitops.priorityClass" -}}
{{- if .Values.priorityClass.create -}}
{{ include "managed-gitops.name" . }}
{{- else -}}
{{ .Values.priorityClass.name }}
{{- end -}}
{{- end -}}

{{/* Who has a role's rights. Takes a dict with `root` and `role`. */}}
{{- define "managed-gitops.subject" -}}
{{- $role := .role -}}
{{- if ne .root.Values.mode "split" -}}{{- $role = "all" -}}{{- end -}}
- kind: ServiceAccount
  name: {{ include "managed-gitops.roleName" (dict "root" .root "role" $role) }}
  namespace: {{ .root.Release.Namespace }}
{{- end -}}
