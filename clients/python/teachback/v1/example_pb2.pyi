from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReviewVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVIEW_VERDICT_UNSPECIFIED: _ClassVar[ReviewVerdict]
    REVIEW_VERDICT_KEEP: _ClassVar[ReviewVerdict]
    REVIEW_VERDICT_EDIT: _ClassVar[ReviewVerdict]
    REVIEW_VERDICT_DROP: _ClassVar[ReviewVerdict]

class ExportFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_FORMAT_UNSPECIFIED: _ClassVar[ExportFormat]
    EXPORT_FORMAT_SOURCE: _ClassVar[ExportFormat]
    EXPORT_FORMAT_MESSAGES: _ClassVar[ExportFormat]
    EXPORT_FORMAT_OPENAI: _ClassVar[ExportFormat]

class ThinkingTag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    THINKING_TAG_UNSPECIFIED: _ClassVar[ThinkingTag]
    THINKING_TAG_THINK: _ClassVar[ThinkingTag]
    THINKING_TAG_THINKING: _ClassVar[ThinkingTag]
    THINKING_TAG_REASONING_CONTENT: _ClassVar[ThinkingTag]
REVIEW_VERDICT_UNSPECIFIED: ReviewVerdict
REVIEW_VERDICT_KEEP: ReviewVerdict
REVIEW_VERDICT_EDIT: ReviewVerdict
REVIEW_VERDICT_DROP: ReviewVerdict
EXPORT_FORMAT_UNSPECIFIED: ExportFormat
EXPORT_FORMAT_SOURCE: ExportFormat
EXPORT_FORMAT_MESSAGES: ExportFormat
EXPORT_FORMAT_OPENAI: ExportFormat
THINKING_TAG_UNSPECIFIED: ThinkingTag
THINKING_TAG_THINK: ThinkingTag
THINKING_TAG_THINKING: ThinkingTag
THINKING_TAG_REASONING_CONTENT: ThinkingTag

class Example(_message.Message):
    __slots__ = ("name", "index", "file", "line", "outcome", "reason", "messages_json", "reference", "original_thinking", "thinking", "enhanced", "best_round", "rounds", "labels", "lift", "made_json", "plan_json", "turns", "review", "edited_json")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_JSON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_THINKING_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    ENHANCED_FIELD_NUMBER: _ClassVar[int]
    BEST_ROUND_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LIFT_FIELD_NUMBER: _ClassVar[int]
    MADE_JSON_FIELD_NUMBER: _ClassVar[int]
    PLAN_JSON_FIELD_NUMBER: _ClassVar[int]
    TURNS_FIELD_NUMBER: _ClassVar[int]
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    EDITED_JSON_FIELD_NUMBER: _ClassVar[int]
    name: str
    index: int
    file: str
    line: int
    outcome: str
    reason: str
    messages_json: str
    reference: str
    original_thinking: str
    thinking: str
    enhanced: bool
    best_round: int
    rounds: _containers.RepeatedCompositeFieldContainer[Round]
    labels: _containers.RepeatedScalarFieldContainer[str]
    lift: Lift
    made_json: str
    plan_json: str
    turns: _containers.RepeatedCompositeFieldContainer[Turn]
    review: str
    edited_json: str
    def __init__(self, name: _Optional[str] = ..., index: _Optional[int] = ..., file: _Optional[str] = ..., line: _Optional[int] = ..., outcome: _Optional[str] = ..., reason: _Optional[str] = ..., messages_json: _Optional[str] = ..., reference: _Optional[str] = ..., original_thinking: _Optional[str] = ..., thinking: _Optional[str] = ..., enhanced: _Optional[bool] = ..., best_round: _Optional[int] = ..., rounds: _Optional[_Iterable[_Union[Round, _Mapping]]] = ..., labels: _Optional[_Iterable[str]] = ..., lift: _Optional[_Union[Lift, _Mapping]] = ..., made_json: _Optional[str] = ..., plan_json: _Optional[str] = ..., turns: _Optional[_Iterable[_Union[Turn, _Mapping]]] = ..., review: _Optional[str] = ..., edited_json: _Optional[str] = ...) -> None: ...

class Turn(_message.Message):
    __slots__ = ("number", "text", "complaints", "score", "critique")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    COMPLAINTS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    CRITIQUE_FIELD_NUMBER: _ClassVar[int]
    number: int
    text: str
    complaints: _containers.RepeatedScalarFieldContainer[str]
    score: float
    critique: str
    def __init__(self, number: _Optional[int] = ..., text: _Optional[str] = ..., complaints: _Optional[_Iterable[str]] = ..., score: _Optional[float] = ..., critique: _Optional[str] = ...) -> None: ...

class Round(_message.Message):
    __slots__ = ("number", "thinking", "answer", "right", "known", "score", "scores", "complaints", "critique", "hint", "verified")
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    COMPLAINTS_FIELD_NUMBER: _ClassVar[int]
    CRITIQUE_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_FIELD_NUMBER: _ClassVar[int]
    number: int
    thinking: str
    answer: str
    right: bool
    known: bool
    score: float
    scores: _containers.ScalarMap[str, float]
    complaints: _containers.RepeatedScalarFieldContainer[str]
    critique: str
    hint: str
    verified: bool
    def __init__(self, number: _Optional[int] = ..., thinking: _Optional[str] = ..., answer: _Optional[str] = ..., right: _Optional[bool] = ..., known: _Optional[bool] = ..., score: _Optional[float] = ..., scores: _Optional[_Mapping[str, float]] = ..., complaints: _Optional[_Iterable[str]] = ..., critique: _Optional[str] = ..., hint: _Optional[str] = ..., verified: _Optional[bool] = ...) -> None: ...

class Lift(_message.Message):
    __slots__ = ("plain", "thinking", "placebo", "masked")
    PLAIN_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    PLACEBO_FIELD_NUMBER: _ClassVar[int]
    MASKED_FIELD_NUMBER: _ClassVar[int]
    plain: float
    thinking: float
    placebo: float
    masked: float
    def __init__(self, plain: _Optional[float] = ..., thinking: _Optional[float] = ..., placebo: _Optional[float] = ..., masked: _Optional[float] = ...) -> None: ...

class ListExamplesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "outcome", "include_rounds")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_ROUNDS_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    outcome: str
    include_rounds: bool
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., outcome: _Optional[str] = ..., include_rounds: _Optional[bool] = ...) -> None: ...

class ListExamplesResponse(_message.Message):
    __slots__ = ("examples", "next_page_token")
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    examples: _containers.RepeatedCompositeFieldContainer[Example]
    next_page_token: str
    def __init__(self, examples: _Optional[_Iterable[_Union[Example, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetExampleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ReviewExampleRequest(_message.Message):
    __slots__ = ("name", "verdict", "edited_json")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    EDITED_JSON_FIELD_NUMBER: _ClassVar[int]
    name: str
    verdict: ReviewVerdict
    edited_json: str
    def __init__(self, name: _Optional[str] = ..., verdict: _Optional[_Union[ReviewVerdict, str]] = ..., edited_json: _Optional[str] = ...) -> None: ...

class ExportExamplesRequest(_message.Message):
    __slots__ = ("parent", "format", "thinking_tag", "include_unfinished", "converged_only", "reviewed_only")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    THINKING_TAG_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_UNFINISHED_FIELD_NUMBER: _ClassVar[int]
    CONVERGED_ONLY_FIELD_NUMBER: _ClassVar[int]
    REVIEWED_ONLY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    format: ExportFormat
    thinking_tag: ThinkingTag
    include_unfinished: bool
    converged_only: bool
    reviewed_only: bool
    def __init__(self, parent: _Optional[str] = ..., format: _Optional[_Union[ExportFormat, str]] = ..., thinking_tag: _Optional[_Union[ThinkingTag, str]] = ..., include_unfinished: _Optional[bool] = ..., converged_only: _Optional[bool] = ..., reviewed_only: _Optional[bool] = ...) -> None: ...

class ExportExamplesResponse(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...
