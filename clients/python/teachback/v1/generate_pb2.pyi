from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GenerateSpec(_message.Message):
    __slots__ = ("dataset", "teacher", "evaluator", "batch_size", "max_cost", "max_attempts", "temperature", "seed", "score_threshold", "commands", "passages", "candidates", "personas")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    EVALUATOR_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SCORE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    PASSAGES_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    PERSONAS_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    teacher: str
    evaluator: str
    batch_size: int
    max_cost: float
    max_attempts: int
    temperature: float
    seed: int
    score_threshold: float
    commands: CommandsOptions
    passages: PassagesOptions
    candidates: CandidatesOptions
    personas: PersonasOptions
    def __init__(self, dataset: _Optional[str] = ..., teacher: _Optional[str] = ..., evaluator: _Optional[str] = ..., batch_size: _Optional[int] = ..., max_cost: _Optional[float] = ..., max_attempts: _Optional[int] = ..., temperature: _Optional[float] = ..., seed: _Optional[int] = ..., score_threshold: _Optional[float] = ..., commands: _Optional[_Union[CommandsOptions, _Mapping]] = ..., passages: _Optional[_Union[PassagesOptions, _Mapping]] = ..., candidates: _Optional[_Union[CandidatesOptions, _Mapping]] = ..., personas: _Optional[_Union[PersonasOptions, _Mapping]] = ...) -> None: ...

class CommandsOptions(_message.Message):
    __slots__ = ("num",)
    NUM_FIELD_NUMBER: _ClassVar[int]
    num: int
    def __init__(self, num: _Optional[int] = ...) -> None: ...

class PassagesOptions(_message.Message):
    __slots__ = ("templates", "templates_markdown", "state")
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    TEMPLATES_MARKDOWN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    templates: _containers.RepeatedScalarFieldContainer[str]
    templates_markdown: str
    state: bool
    def __init__(self, templates: _Optional[_Iterable[str]] = ..., templates_markdown: _Optional[str] = ..., state: _Optional[bool] = ...) -> None: ...

class CandidatesOptions(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class PersonasOptions(_message.Message):
    __slots__ = ("examples_per_chunk", "max_chunks", "personas_yaml", "min_length", "max_length", "allowed_words")
    EXAMPLES_PER_CHUNK_FIELD_NUMBER: _ClassVar[int]
    MAX_CHUNKS_FIELD_NUMBER: _ClassVar[int]
    PERSONAS_YAML_FIELD_NUMBER: _ClassVar[int]
    MIN_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MAX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_WORDS_FIELD_NUMBER: _ClassVar[int]
    examples_per_chunk: int
    max_chunks: int
    personas_yaml: str
    min_length: int
    max_length: int
    allowed_words: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, examples_per_chunk: _Optional[int] = ..., max_chunks: _Optional[int] = ..., personas_yaml: _Optional[str] = ..., min_length: _Optional[int] = ..., max_length: _Optional[int] = ..., allowed_words: _Optional[_Iterable[str]] = ...) -> None: ...
