{{/* Rules that several policies have in common. */}}

{{/* Names are looked up at the cluster's DNS. */}}
{{- define "teachback.toDns" -}}
- to:
    {{- toYaml .Values.networkPolicy.dns.peers | nindent 4 }}
  ports:
    {{- range .Values.networkPolicy.dns.ports }}
    - {protocol: UDP, port: {{ . }}}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end }}

{{/* Providers of models and the hub, which are outside of the cluster. */}}
{{- define "teachback.toHttps" -}}
{{- with .Values.networkPolicy.httpsTo -}}
- to:
    {{- range . }}
    - ipBlock:
        {{- toYaml . | nindent 8 }}
    {{- end }}
  ports:
    - {protocol: TCP, port: 443}
{{- end }}
{{- end }}

{{/* One component of this release; of a dict with root, component and ports. */}}
{{- define "teachback.toComponent" -}}
- to:
    - podSelector:
        matchLabels:
          {{- include "teachback.selector" . | nindent 10 }}
  ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end }}

{{- define "teachback.toDatabase" -}}
{{- if .Values.database.existingSecret -}}
- to:
    {{- toYaml .Values.database.peers | nindent 4 }}
  ports:
    - {protocol: TCP, port: {{ .Values.database.port }}}
{{- else if .Values.postgresql.enabled -}}
{{ include "teachback.toComponent" (dict "root" . "component" "postgresql" "ports" (list 5432)) }}
{{- end }}
{{- end }}

{{/* Who does the work, as peers: the service, and the Ray workers where there are any. */}}
{{- define "teachback.workers" -}}
- podSelector:
    matchLabels:
      {{- include "teachback.selector" (dict "root" . "component" "service") | nindent 6 }}
{{- if .Values.ray.enabled }}
- podSelector:
    matchLabels:
      {{- include "teachback.selector" (dict "root" . "component" "ray-worker") | nindent 6 }}
{{- end }}
{{- end }}
