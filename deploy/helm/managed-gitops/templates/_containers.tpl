{{/* Parts that containers share. */}}
{{- define "managed-gitops.databaseEnv" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef: {name: {{ .Values.database.secretName }}, key: url}
- name: DATABASE_POOLER
  value: {{ .Values.database.pooler }}
{{- end -}}

{{- define "managed-gitops.databaseMount" -}}
- name: database
  mountPath: /etc/managed-gitops/database
  readOnly: true
{{- end -}}

{{- define "managed-gitops.commonEnv" -}}
- name: LOG
  value: {{ .Values.settings.log | quote }}
- name: LOG_FORMAT
  value: {{ .Values.settings.logFormat }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "managed-gitops.settingsEnv" -}}
- name: ARGO_CD_NAMESPACE
  value: {{ .Values.argoCD.namespace }}
{{- with .Values.settings }}
- name: STATUS_CONDITIONS
  value: {{ .statusConditions }}
- name: ENABLE_APPPROJECT_ISOLATION
  value: {{ .appProjectIsolation | quote }}
- name: SELF_HEAL_INTERVAL
  value: {{ .selfHealInterval | quote }}
- name: SELF_HEAL_GRACE
  value: {{ .selfHealGrace | quote }}
{{- with .tenantServersAllow }}
- name: TENANT_SERVERS_ALLOW
  value: {{ join "," . | quote }}
{{- end }}
{{- with .tenantServersDeny }}
- name: TENANT_SERVERS_DENY
  value: {{ join "," . | quote }}
{{- end }}
{{- with .secretNamespaces }}
- name: SECRET_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "managed-gitops.containerRest" -}}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "managed-gitops.keysEnv" -}}
{{- if .Values.sealingKeys.secretName -}}
- name: SEALING_KEYS_DIR
  value: /etc/managed-gitops/sealing-keys
{{- end -}}
{{- end -}}

{{- define "managed-gitops.mounts" -}}
{{ include "managed-gitops.databaseMount" . }}
{{- if .Values.sealingKeys.secretName }}
- name: sealing-keys
  mountPath: /etc/managed-gitops/sealing-keys
  readOnly: true
{{- end }}
{{- end -}}

{{- define "managed-gitops.volumes" -}}
- name: database
  secret:
    secretName: {{ .Values.database.secretName }}
    items:
      - {key: ca.crt, path: ca.crt}
    optional: true
{{- if .Values.sealingKeys.secretName }}
- name: sealing-keys
  secret:
    secretName: {{ .Values.sealingKeys.secretName }}
{{- end }}
{{- end -}}

{{- define "managed-gitops.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}
