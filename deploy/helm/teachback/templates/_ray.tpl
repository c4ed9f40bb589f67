{{/* A pod of the Ray cluster; of a dict with root, component and group. KubeRay adds the command, the token and the probes.
     The label app.kubernetes.io/name is KubeRay's own: its Service selects by it. */}}
{{- define "teachback.rayPod" -}}
metadata:
  labels:
    {{- include "teachback.selector" . | nindent 4 }}
  {{- if ne .component "ray-head" }}
  annotations:
    checksum/settings: {{ include "teachback.settings" .root | sha256sum }}
  {{- end }}
spec:
  serviceAccountName: {{ include "teachback.fullname" .root }}
  {{- include "teachback.podBasics" .root | nindent 2 }}
  securityContext:
    {{- include "teachback.podSecurity" 10001 | nindent 4 }}
  terminationGracePeriodSeconds: 60
  {{- with include "teachback.placement" .group | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ .root.Values.ray.image }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      securityContext:
        {{- include "teachback.containerSecurity" .root | nindent 8 }}
      env:
        - {name: HOME, value: /tmp}
        {{- if ne .component "ray-head" }}
        {{- include "teachback.workEnv" .root | nindent 8 }}
        {{- end }}
      {{- if eq .component "ray-head" }}
      ports:
        - {name: gcs-server, containerPort: 6379}
        - {name: dashboard, containerPort: 8265}
        - {name: client, containerPort: 10001}
      {{- end }}
      resources:
        {{- toYaml .group.resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: shared-memory, mountPath: /dev/shm}
        {{- if ne .component "ray-head" }}
        - {name: settings, mountPath: /etc/teachback, readOnly: true}
        {{- if eq (toString .root.Values.settings.training_executor) "ray" }}
        - {name: data, mountPath: /var/lib/teachback}
        {{- end }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 20Gi}
    # Ray's object store; what is in it counts against the memory limit.
    - name: shared-memory
      emptyDir: {medium: Memory, sizeLimit: {{ .group.resources.limits.memory }}}
    {{- if ne .component "ray-head" }}
    - name: settings
      configMap:
        name: {{ include "teachback.fullname" .root }}
    {{- if eq (toString .root.Values.settings.training_executor) "ray" }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ default (include "teachback.fullname" .root) .root.Values.persistence.existingClaim }}
    {{- end }}
    {{- end }}
{{- end }}
