from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TrainingOptions(_message.Message):
    __slots__ = ("num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate", "warmup_ratio", "lr_scheduler_type", "use_lora", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "max_seq_length", "packing", "gradient_checkpointing", "load_in_4bit", "save_steps", "early_stopping_patience", "beta", "loss_type", "seed")
    NUM_TRAIN_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    MAX_STEPS_FIELD_NUMBER: _ClassVar[int]
    PER_DEVICE_TRAIN_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_ACCUMULATION_STEPS_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    WARMUP_RATIO_FIELD_NUMBER: _ClassVar[int]
    LR_SCHEDULER_TYPE_FIELD_NUMBER: _ClassVar[int]
    USE_LORA_FIELD_NUMBER: _ClassVar[int]
    LORA_R_FIELD_NUMBER: _ClassVar[int]
    LORA_ALPHA_FIELD_NUMBER: _ClassVar[int]
    LORA_DROPOUT_FIELD_NUMBER: _ClassVar[int]
    LORA_TARGET_MODULES_FIELD_NUMBER: _ClassVar[int]
    MAX_SEQ_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PACKING_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_CHECKPOINTING_FIELD_NUMBER: _ClassVar[int]
    LOAD_IN_4BIT_FIELD_NUMBER: _ClassVar[int]
    SAVE_STEPS_FIELD_NUMBER: _ClassVar[int]
    EARLY_STOPPING_PATIENCE_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    LOSS_TYPE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    num_train_epochs: float
    max_steps: int
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    learning_rate: float
    warmup_ratio: float
    lr_scheduler_type: str
    use_lora: bool
    lora_r: int
    lora_alpha: int
    lora_dropout: float
    lora_target_modules: _containers.RepeatedScalarFieldContainer[str]
    max_seq_length: int
    packing: bool
    gradient_checkpointing: bool
    load_in_4bit: bool
    save_steps: int
    early_stopping_patience: int
    beta: float
    loss_type: str
    seed: int
    def __init__(self, num_train_epochs: _Optional[float] = ..., max_steps: _Optional[int] = ..., per_device_train_batch_size: _Optional[int] = ..., gradient_accumulation_steps: _Optional[int] = ..., learning_rate: _Optional[float] = ..., warmup_ratio: _Optional[float] = ..., lr_scheduler_type: _Optional[str] = ..., use_lora: _Optional[bool] = ..., lora_r: _Optional[int] = ..., lora_alpha: _Optional[int] = ..., lora_dropout: _Optional[float] = ..., lora_target_modules: _Optional[_Iterable[str]] = ..., max_seq_length: _Optional[int] = ..., packing: _Optional[bool] = ..., gradient_checkpointing: _Optional[bool] = ..., load_in_4bit: _Optional[bool] = ..., save_steps: _Optional[int] = ..., early_stopping_patience: _Optional[int] = ..., beta: _Optional[float] = ..., loss_type: _Optional[str] = ..., seed: _Optional[int] = ...) -> None: ...

class SftSpec(_message.Message):
    __slots__ = ("dataset", "validation", "model", "training")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    validation: str
    model: str
    training: TrainingOptions
    def __init__(self, dataset: _Optional[str] = ..., validation: _Optional[str] = ..., model: _Optional[str] = ..., training: _Optional[_Union[TrainingOptions, _Mapping]] = ...) -> None: ...

class PreferencesSpec(_message.Message):
    __slots__ = ("dataset", "model", "rounds", "evaluator", "num_pairs", "samples_per_prompt", "temperature", "batch_size", "max_cost", "seed")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    EVALUATOR_FIELD_NUMBER: _ClassVar[int]
    NUM_PAIRS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_PER_PROMPT_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    model: str
    rounds: str
    evaluator: str
    num_pairs: int
    samples_per_prompt: int
    temperature: float
    batch_size: int
    max_cost: float
    seed: int
    def __init__(self, dataset: _Optional[str] = ..., model: _Optional[str] = ..., rounds: _Optional[str] = ..., evaluator: _Optional[str] = ..., num_pairs: _Optional[int] = ..., samples_per_prompt: _Optional[int] = ..., temperature: _Optional[float] = ..., batch_size: _Optional[int] = ..., max_cost: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class DpoSpec(_message.Message):
    __slots__ = ("dataset", "validation", "model", "training")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    validation: str
    model: str
    training: TrainingOptions
    def __init__(self, dataset: _Optional[str] = ..., validation: _Optional[str] = ..., model: _Optional[str] = ..., training: _Optional[_Union[TrainingOptions, _Mapping]] = ...) -> None: ...

class QuantizeSpec(_message.Message):
    __slots__ = ("model", "quantization", "name", "prefix", "imatrix_dataset", "fidelity_dataset", "fidelity_threshold")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    QUANTIZATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    IMATRIX_DATASET_FIELD_NUMBER: _ClassVar[int]
    FIDELITY_DATASET_FIELD_NUMBER: _ClassVar[int]
    FIDELITY_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    model: str
    quantization: str
    name: str
    prefix: str
    imatrix_dataset: str
    fidelity_dataset: str
    fidelity_threshold: float
    def __init__(self, model: _Optional[str] = ..., quantization: _Optional[str] = ..., name: _Optional[str] = ..., prefix: _Optional[str] = ..., imatrix_dataset: _Optional[str] = ..., fidelity_dataset: _Optional[str] = ..., fidelity_threshold: _Optional[float] = ...) -> None: ...

class EvaluateSpec(_message.Message):
    __slots__ = ("dataset", "models", "cli_schema", "max_new_tokens", "max_samples")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    CLI_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    models: _containers.RepeatedScalarFieldContainer[str]
    cli_schema: str
    max_new_tokens: int
    max_samples: int
    def __init__(self, dataset: _Optional[str] = ..., models: _Optional[_Iterable[str]] = ..., cli_schema: _Optional[str] = ..., max_new_tokens: _Optional[int] = ..., max_samples: _Optional[int] = ...) -> None: ...

class PipelineSpec(_message.Message):
    __slots__ = ("name", "cli_schema", "dataset", "validation", "num", "model", "quantization", "teacher", "evaluator", "sft", "dpo", "num_pairs", "stages", "force", "max_cost", "seed", "preferences", "temperature")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CLI_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    NUM_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    QUANTIZATION_FIELD_NUMBER: _ClassVar[int]
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    EVALUATOR_FIELD_NUMBER: _ClassVar[int]
    SFT_FIELD_NUMBER: _ClassVar[int]
    DPO_FIELD_NUMBER: _ClassVar[int]
    NUM_PAIRS_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    PREFERENCES_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    name: str
    cli_schema: str
    dataset: str
    validation: str
    num: int
    model: str
    quantization: str
    teacher: str
    evaluator: str
    sft: TrainingOptions
    dpo: TrainingOptions
    num_pairs: int
    stages: _containers.RepeatedScalarFieldContainer[str]
    force: _containers.RepeatedScalarFieldContainer[str]
    max_cost: float
    seed: int
    preferences: str
    temperature: float
    def __init__(self, name: _Optional[str] = ..., cli_schema: _Optional[str] = ..., dataset: _Optional[str] = ..., validation: _Optional[str] = ..., num: _Optional[int] = ..., model: _Optional[str] = ..., quantization: _Optional[str] = ..., teacher: _Optional[str] = ..., evaluator: _Optional[str] = ..., sft: _Optional[_Union[TrainingOptions, _Mapping]] = ..., dpo: _Optional[_Union[TrainingOptions, _Mapping]] = ..., num_pairs: _Optional[int] = ..., stages: _Optional[_Iterable[str]] = ..., force: _Optional[_Iterable[str]] = ..., max_cost: _Optional[float] = ..., seed: _Optional[int] = ..., preferences: _Optional[str] = ..., temperature: _Optional[float] = ...) -> None: ...

class TrainingProgress(_message.Message):
    __slots__ = ("stage", "step", "steps", "epoch", "loss", "eval_loss", "tokens_per_second", "memory_bytes", "job")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    EVAL_LOSS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    stage: str
    step: int
    steps: int
    epoch: float
    loss: float
    eval_loss: float
    tokens_per_second: float
    memory_bytes: int
    job: str
    def __init__(self, stage: _Optional[str] = ..., step: _Optional[int] = ..., steps: _Optional[int] = ..., epoch: _Optional[float] = ..., loss: _Optional[float] = ..., eval_loss: _Optional[float] = ..., tokens_per_second: _Optional[float] = ..., memory_bytes: _Optional[int] = ..., job: _Optional[str] = ...) -> None: ...
