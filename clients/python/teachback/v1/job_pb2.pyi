import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from teachback.v1 import generate_pb2 as _generate_pb2
from teachback.v1 import training_pb2 as _training_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_QUEUED: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_PAUSED: _ClassVar[JobState]
    JOB_STATE_CANCELLING: _ClassVar[JobState]
    JOB_STATE_SUCCEEDED: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]

class ThinkingFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    THINKING_FORMAT_UNSPECIFIED: _ClassVar[ThinkingFormat]
    THINKING_FORMAT_ITERATIVE: _ClassVar[ThinkingFormat]
    THINKING_FORMAT_CONSOLIDATED: _ClassVar[ThinkingFormat]

class ThinkingStyle(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    THINKING_STYLE_UNSPECIFIED: _ClassVar[ThinkingStyle]
    THINKING_STYLE_QA: _ClassVar[ThinkingStyle]
    THINKING_STYLE_INSTALLER: _ClassVar[ThinkingStyle]
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_QUEUED: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_PAUSED: JobState
JOB_STATE_CANCELLING: JobState
JOB_STATE_SUCCEEDED: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_CANCELLED: JobState
THINKING_FORMAT_UNSPECIFIED: ThinkingFormat
THINKING_FORMAT_ITERATIVE: ThinkingFormat
THINKING_FORMAT_CONSOLIDATED: ThinkingFormat
THINKING_STYLE_UNSPECIFIED: ThinkingStyle
THINKING_STYLE_QA: ThinkingStyle
THINKING_STYLE_INSTALLER: ThinkingStyle

class Job(_message.Message):
    __slots__ = ("name", "spec", "state", "create_time", "start_time", "end_time", "error", "progress", "idempotency_key", "report_json")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    REPORT_JSON_FIELD_NUMBER: _ClassVar[int]
    name: str
    spec: JobSpec
    state: JobState
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    error: _status_pb2.Status
    progress: Progress
    idempotency_key: str
    report_json: str
    def __init__(self, name: _Optional[str] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., state: _Optional[_Union[JobState, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., report_json: _Optional[str] = ...) -> None: ...

class JobSpec(_message.Message):
    __slots__ = ("enhance", "generate", "sft", "preferences", "dpo", "quantize", "evaluate", "pipeline")
    ENHANCE_FIELD_NUMBER: _ClassVar[int]
    GENERATE_FIELD_NUMBER: _ClassVar[int]
    SFT_FIELD_NUMBER: _ClassVar[int]
    PREFERENCES_FIELD_NUMBER: _ClassVar[int]
    DPO_FIELD_NUMBER: _ClassVar[int]
    QUANTIZE_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    enhance: EnhanceSpec
    generate: _generate_pb2.GenerateSpec
    sft: _training_pb2.SftSpec
    preferences: _training_pb2.PreferencesSpec
    dpo: _training_pb2.DpoSpec
    quantize: _training_pb2.QuantizeSpec
    evaluate: _training_pb2.EvaluateSpec
    pipeline: _training_pb2.PipelineSpec
    def __init__(self, enhance: _Optional[_Union[EnhanceSpec, _Mapping]] = ..., generate: _Optional[_Union[_generate_pb2.GenerateSpec, _Mapping]] = ..., sft: _Optional[_Union[_training_pb2.SftSpec, _Mapping]] = ..., preferences: _Optional[_Union[_training_pb2.PreferencesSpec, _Mapping]] = ..., dpo: _Optional[_Union[_training_pb2.DpoSpec, _Mapping]] = ..., quantize: _Optional[_Union[_training_pb2.QuantizeSpec, _Mapping]] = ..., evaluate: _Optional[_Union[_training_pb2.EvaluateSpec, _Mapping]] = ..., pipeline: _Optional[_Union[_training_pb2.PipelineSpec, _Mapping]] = ...) -> None: ...

class EnhanceSpec(_message.Message):
    __slots__ = ("dataset", "student", "teacher", "evaluator", "max_iterations", "thinking_format", "style", "batch_size", "max_samples", "verify_samples", "max_cost", "earlier_output", "reuse", "measure_lift", "score_threshold")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    STUDENT_FIELD_NUMBER: _ClassVar[int]
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    EVALUATOR_FIELD_NUMBER: _ClassVar[int]
    MAX_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    THINKING_FORMAT_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    VERIFY_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_FIELD_NUMBER: _ClassVar[int]
    EARLIER_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REUSE_FIELD_NUMBER: _ClassVar[int]
    MEASURE_LIFT_FIELD_NUMBER: _ClassVar[int]
    SCORE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    student: str
    teacher: str
    evaluator: str
    max_iterations: int
    thinking_format: ThinkingFormat
    style: ThinkingStyle
    batch_size: int
    max_samples: int
    verify_samples: int
    max_cost: float
    earlier_output: str
    reuse: bool
    measure_lift: bool
    score_threshold: float
    def __init__(self, dataset: _Optional[str] = ..., student: _Optional[str] = ..., teacher: _Optional[str] = ..., evaluator: _Optional[str] = ..., max_iterations: _Optional[int] = ..., thinking_format: _Optional[_Union[ThinkingFormat, str]] = ..., style: _Optional[_Union[ThinkingStyle, str]] = ..., batch_size: _Optional[int] = ..., max_samples: _Optional[int] = ..., verify_samples: _Optional[int] = ..., max_cost: _Optional[float] = ..., earlier_output: _Optional[str] = ..., reuse: _Optional[bool] = ..., measure_lift: _Optional[bool] = ..., score_threshold: _Optional[float] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("total_examples", "done_examples", "outcomes", "enhanced_examples", "average_iterations", "convergence_rate", "usage", "cost", "cost_estimate", "eta_seconds", "training")
    class OutcomesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    TOTAL_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    DONE_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    ENHANCED_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    CONVERGENCE_RATE_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    COST_ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    ETA_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    total_examples: int
    done_examples: int
    outcomes: _containers.ScalarMap[str, int]
    enhanced_examples: int
    average_iterations: float
    convergence_rate: float
    usage: _containers.RepeatedCompositeFieldContainer[RoleUsage]
    cost: float
    cost_estimate: float
    eta_seconds: float
    training: _training_pb2.TrainingProgress
    def __init__(self, total_examples: _Optional[int] = ..., done_examples: _Optional[int] = ..., outcomes: _Optional[_Mapping[str, int]] = ..., enhanced_examples: _Optional[int] = ..., average_iterations: _Optional[float] = ..., convergence_rate: _Optional[float] = ..., usage: _Optional[_Iterable[_Union[RoleUsage, _Mapping]]] = ..., cost: _Optional[float] = ..., cost_estimate: _Optional[float] = ..., eta_seconds: _Optional[float] = ..., training: _Optional[_Union[_training_pb2.TrainingProgress, _Mapping]] = ...) -> None: ...

class RoleUsage(_message.Message):
    __slots__ = ("role", "model", "calls", "prompt_tokens", "completion_tokens", "cost")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    role: str
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    def __init__(self, role: _Optional[str] = ..., model: _Optional[str] = ..., calls: _Optional[int] = ..., prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ..., cost: _Optional[float] = ...) -> None: ...

class JobEvent(_message.Message):
    __slots__ = ("seq", "time", "type", "state", "message", "example_id", "outcome", "iterations", "progress")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    seq: int
    time: _timestamp_pb2.Timestamp
    type: str
    state: JobState
    message: str
    example_id: str
    outcome: str
    iterations: int
    progress: Progress
    def __init__(self, seq: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., type: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., message: _Optional[str] = ..., example_id: _Optional[str] = ..., outcome: _Optional[str] = ..., iterations: _Optional[int] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ...) -> None: ...

class CreateJobRequest(_message.Message):
    __slots__ = ("spec", "idempotency_key")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    spec: JobSpec
    idempotency_key: str
    def __init__(self, spec: _Optional[_Union[JobSpec, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "state")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    state: JobState
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    next_page_token: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("name", "after_seq")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    name: str
    after_seq: int
    def __init__(self, name: _Optional[str] = ..., after_seq: _Optional[int] = ...) -> None: ...

class PauseJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResumeJobRequest(_message.Message):
    __slots__ = ("name", "max_cost")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_FIELD_NUMBER: _ClassVar[int]
    name: str
    max_cost: float
    def __init__(self, name: _Optional[str] = ..., max_cost: _Optional[float] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RetryJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
