from teachback.v1 import job_pb2 as _job_pb2
from teachback.v1 import training_pb2 as _training_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StartSftRequest(_message.Message):
    __slots__ = ("spec", "idempotency_key")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    spec: _training_pb2.SftSpec
    idempotency_key: str
    def __init__(self, spec: _Optional[_Union[_training_pb2.SftSpec, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class StartPreferencesRequest(_message.Message):
    __slots__ = ("spec", "idempotency_key")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    spec: _training_pb2.PreferencesSpec
    idempotency_key: str
    def __init__(self, spec: _Optional[_Union[_training_pb2.PreferencesSpec, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class StartDpoRequest(_message.Message):
    __slots__ = ("spec", "idempotency_key")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    spec: _training_pb2.DpoSpec
    idempotency_key: str
    def __init__(self, spec: _Optional[_Union[_training_pb2.DpoSpec, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class StartQuantizeRequest(_message.Message):
    __slots__ = ("spec", "idempotency_key")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    spec: _training_pb2.QuantizeSpec
    idempotency_key: str
    def __init__(self, spec: _Optional[_Union[_training_pb2.QuantizeSpec, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class StartEvaluateRequest(_message.Message):
    __slots__ = ("spec", "idempotency_key")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    spec: _training_pb2.EvaluateSpec
    idempotency_key: str
    def __init__(self, spec: _Optional[_Union[_training_pb2.EvaluateSpec, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class StartPipelineRequest(_message.Message):
    __slots__ = ("spec", "idempotency_key")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    spec: _training_pb2.PipelineSpec
    idempotency_key: str
    def __init__(self, spec: _Optional[_Union[_training_pb2.PipelineSpec, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class EstimateTrainingRequest(_message.Message):
    __slots__ = ("sft", "dpo")
    SFT_FIELD_NUMBER: _ClassVar[int]
    DPO_FIELD_NUMBER: _ClassVar[int]
    sft: _training_pb2.SftSpec
    dpo: _training_pb2.DpoSpec
    def __init__(self, sft: _Optional[_Union[_training_pb2.SftSpec, _Mapping]] = ..., dpo: _Optional[_Union[_training_pb2.DpoSpec, _Mapping]] = ...) -> None: ...

class TrainingEstimate(_message.Message):
    __slots__ = ("device", "memory_bytes", "available_bytes", "seconds", "parameters", "trainable_parameters", "steps")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    TRAINABLE_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    device: str
    memory_bytes: int
    available_bytes: int
    seconds: float
    parameters: int
    trainable_parameters: int
    steps: int
    def __init__(self, device: _Optional[str] = ..., memory_bytes: _Optional[int] = ..., available_bytes: _Optional[int] = ..., seconds: _Optional[float] = ..., parameters: _Optional[int] = ..., trainable_parameters: _Optional[int] = ..., steps: _Optional[int] = ...) -> None: ...

class ListArtifactsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListArtifactsResponse(_message.Message):
    __slots__ = ("artifacts",)
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    artifacts: _containers.RepeatedCompositeFieldContainer[Artifact]
    def __init__(self, artifacts: _Optional[_Iterable[_Union[Artifact, _Mapping]]] = ...) -> None: ...

class Artifact(_message.Message):
    __slots__ = ("name", "size_bytes", "sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    size_bytes: int
    sha256: str
    def __init__(self, name: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class GetArtifactRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetArtifactResponse(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...
