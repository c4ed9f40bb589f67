{{/* The file that TEACHBACK_CONFIG names. JSON is YAML too, and keeps large numbers whole, which toYaml does not. */}}
{{- define "teachback.settings" -}}
{{- $settings := dict "embedded_threads" (include "teachback.threads" . | int) -}}
{{- if .Values.modelServer.enabled -}}
  {{- $_ := set $settings "student" (printf "local/%s" .Values.modelServer.name) -}}
  {{- $_ := set $settings "local_api_base" (printf "http://%s-model-server:8000/v1" (include "teachback.fullname" .)) -}}
{{- end -}}
{{- if .Values.ray.enabled -}}
  {{- $_ := set $settings "executor" "ray" -}}
{{- end -}}
{{- mustMergeOverwrite $settings (deepCopy .Values.settings) | mustToPrettyJson -}}
{{- end }}

{{/* Threads of the embedded model: the service sees all cores of the node, and can't know how many it may use. */}}
{{- define "teachback.threads" -}}
{{- $cpu := toString .Values.resources.limits.cpu -}}
{{- $cores := ternary (divf (trimSuffix "m" $cpu | float64) 1000.0) (float64 $cpu) (hasSuffix "m" $cpu) -}}
{{- max 1 (min 4 (floor $cores | int)) -}}
{{- end }}

{{/* What work needs, in the service as on a Ray worker: settings, database, keys. What is secret is read from a Secret. */}}
{{- define "teachback.workEnv" -}}
- name: TEACHBACK_CONFIG
  value: /etc/teachback/service.yaml
{{- if .Values.database.existingSecret }}
- name: TEACHBACK_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret }}
      key: {{ .Values.database.key }}
{{- else if .Values.postgresql.enabled }}
- name: TEACHBACK_DATABASE_URL
  value: postgresql://teachback@{{ include "teachback.fullname" . }}-postgresql:5432/teachback
# PostgreSQL's own variable: in the URL a password would have to be escaped.
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .Values.postgresql.existingSecret }}
      key: {{ .Values.postgresql.key }}
{{- end }}
{{- range $name, $from := .Values.providerKeys }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.secret }}
      key: {{ $from.key }}
{{- end }}
{{- range $name, $value := .Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Where the Ray cluster is, in Ray's own variables. */}}
{{- define "teachback.rayEnv" -}}
- name: RAY_ADDRESS
  value: ray://{{ include "teachback.fullname" . }}-ray-head-svc:10001
- name: RAY_AUTH_MODE
  value: token
- name: RAY_AUTH_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ .Values.ray.existingSecret }}
      key: auth_token
{{- end }}
