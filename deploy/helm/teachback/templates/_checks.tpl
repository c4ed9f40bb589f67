{{/* What doesn't go together. Each says what was wrong and what to do. */}}
{{- define "teachback.checks" -}}
{{- $v := .Values -}}
{{- if not $v.auth.existingSecret -}}
  {{- fail "auth.existingSecret: name a Secret that holds the bearer token under the key `token`; make one with `kubectl create secret generic teachback-token --from-file=token`" -}}
{{- end -}}
{{- if and (include "teachback.several" .) (not $v.database.existingSecret) -}}
  {{- fail (printf "replicaCount: %d%s: several replicas need an external database; set database.existingSecret, or keep one replica and no autoscaling" (int $v.replicaCount) (ternary " with autoscaling" "" $v.autoscaling.enabled)) -}}
{{- end -}}
{{- if and (include "teachback.several" .) (not (and $v.persistence.enabled (or $v.persistence.existingClaim (eq $v.persistence.accessMode "ReadWriteMany")))) -}}
  {{- if not (and $v.settings.artifacts_url (not $v.persistence.enabled)) -}}
    {{- fail "persistence.accessMode: several replicas share the data volume; set it to ReadWriteMany with a storage class that can do that, or name a claim that does in persistence.existingClaim; or have an object store with settings.artifacts_url, and persistence.enabled: false" -}}
  {{- end -}}
{{- end -}}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) -}}
  {{- fail "autoscaling.minReplicas is greater than autoscaling.maxReplicas" -}}
{{- end -}}
{{- if and $v.postgresql.enabled $v.database.existingSecret -}}
  {{- fail "postgresql.enabled and database.existingSecret: there is one database; choose the bundled one for a trial, or the external one" -}}
{{- end -}}
{{- if and $v.postgresql.enabled (not $v.postgresql.existingSecret) -}}
  {{- fail "postgresql.existingSecret: name a Secret that holds the database's password under the key `password`" -}}
{{- end -}}
{{- if and $v.database.existingSecret $v.networkPolicy.enabled (not $v.database.peers) -}}
  {{- fail "database.peers: the NetworkPolicy has to let the service out to the database; say where it is, as [{ipBlock: {cidr: 10.1.2.3/32}}]" -}}
{{- end -}}
{{- if $v.observability.podMonitor.enabled -}}
  {{- if not $v.observability.podMonitor.existingSecret -}}
    {{- fail "observability.podMonitor.existingSecret: name a Secret with an operator's token; make one with `teachback access create-token --operator --scope read`" -}}
  {{- end -}}
  {{- if not $v.settings.metrics -}}
    {{- fail "observability.podMonitor: there is nothing to ask for; set settings.metrics to true" -}}
  {{- end -}}
{{- end -}}
{{- if $v.ingress.enabled -}}
  {{- if not (and $v.ingress.rest.host $v.ingress.grpc.host) -}}
    {{- fail "ingress.rest.host and ingress.grpc.host: name both; they can't be one, because an ingress speaks one protocol to a host" -}}
  {{- end -}}
  {{- if eq $v.ingress.rest.host $v.ingress.grpc.host -}}
    {{- fail "ingress.rest.host and ingress.grpc.host: two names, because an ingress speaks one protocol to a host" -}}
  {{- end -}}
  {{- if not $v.ingress.tlsSecret -}}
    {{- fail "ingress.tlsSecret: tokens and rows would travel in the clear; name a Secret of type kubernetes.io/tls" -}}
  {{- end -}}
  {{- if and $v.networkPolicy.enabled (not $v.ingress.controllerNamespace) -}}
    {{- fail "ingress.controllerNamespace: the NetworkPolicy has to let the ingress controller in; name the namespace of its pods" -}}
  {{- end -}}
{{- end -}}
{{- if $v.modelServer.enabled -}}
  {{- if not (and $v.modelServer.image $v.modelServer.model) -}}
    {{- fail "modelServer.image and modelServer.model: name the server's image, and the model it serves" -}}
  {{- end -}}
  {{- if $v.settings.local_api_base -}}
    {{- fail "settings.local_api_base and modelServer.enabled: there is one server behind local/NAME; choose yours or the chart's" -}}
  {{- end -}}
{{- end -}}
{{- if and $v.ray.enabled (not (and $v.ray.image $v.ray.existingSecret)) -}}
  {{- fail "ray.image and ray.existingSecret: name an image that holds Ray and Teachback, and a Secret with Ray's token under the key `auth_token`" -}}
{{- end -}}
{{- if and $v.ray.enabled (not $v.database.existingSecret) (not $v.postgresql.enabled) (ne (toString $v.settings.executor) "local") -}}
  {{- fail "ray.enabled: Ray's workers write what they make to PostgreSQL; set database.existingSecret, or postgresql.enabled for a trial" -}}
{{- end -}}
{{- if eq (toString $v.settings.training_executor) "ray" -}}
  {{- if not $v.ray.enabled -}}
    {{- fail "settings.training_executor: ray wants a Ray cluster; set ray.enabled" -}}
  {{- end -}}
  {{- if not (and $v.persistence.enabled (or $v.persistence.existingClaim (eq $v.persistence.accessMode "ReadWriteMany"))) -}}
    {{- fail "settings.training_executor: Ray's workers and the service share the data volume; set persistence.accessMode to ReadWriteMany, or name a claim that several nodes can write to in persistence.existingClaim" -}}
  {{- end -}}
{{- end -}}
{{- end }}
