{{/* Names, labels, and what every pod promises. */}}

{{- define "teachback.fullname" -}}
{{- $name := default (ternary .Release.Name (printf "%s-teachback" .Release.Name) (contains "teachback" .Release.Name)) .Values.fullnameOverride -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* What a selector says; of a dict with the root and a component. Ray's pods bear a name of their own, so it has none. */}}
{{- define "teachback.selector" -}}
app.kubernetes.io/part-of: teachback
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "teachback.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: teachback
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{ include "teachback.selector" . }}
{{- end }}

{{- define "teachback.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Whether several pods serve, now or when the load grows. "true" or nothing. */}}
{{- define "teachback.several" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) -}}true{{- end -}}
{{- end }}

{{/* The pod's half of what the "restricted" Pod Security Standard asks; of a user's number. */}}
{{- define "teachback.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* The container's half. */}}
{{- define "teachback.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities:
  drop: [ALL]
{{- end }}

{{/* Nobody here calls the cluster's API, so no pod holds a token for it; and the variables that Kubernetes makes of
     Services would be read as settings: TEACHBACK_... is the prefix of both. */}}
{{- define "teachback.podBasics" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Where pods may be: of a dict with any of the three. */}}
{{- define "teachback.placement" -}}
{{- with .runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
