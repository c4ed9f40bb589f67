"""Everything an operator can set: by environment (TEACHBACK_...), by a YAML file (TEACHBACK_CONFIG), by flags."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, Self

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from agents.models import ModelSettings
from services.configuration import file, masking, names

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(BaseSettings):
    """Flags win over the environment, the environment over the file.

    An unknown name in the file is refused, and one in the environment that is a slip of the pen. A variable that is set
    to nothing counts as not set.
    """

    model_config = SettingsConfigDict(env_prefix="TEACHBACK_", env_ignore_empty=True, extra="forbid")

    host: str = "127.0.0.1"
    grpc_port: int = Field(50051, ge=0, le=65535, description="0: any free port")
    rest_port: int = Field(8080, ge=0, le=65535, description="0: any free port")
    data_dir: Path = Field(
        default_factory=lambda: Path(os.environ.get("TEACHBACK_HOME") or user_data_path("teachback"))
    )
    database_url: str | None = Field(None, description="default: SQLite in the data folder")
    artifacts_url: str | None = Field(
        None,
        description="s3://BUCKET/PREFIX, gs://, az:// or file:///FOLDER, where what trainings leave is stored; "
        "default: the data folder",
    )
    token: SecretStr | None = Field(None, description="bearer token; required beyond loopback")
    token_file: Path | None = None
    tls_cert_file: Path | None = Field(None, description="PEM: the service's certificate, then those that vouch for it")
    tls_key_file: Path | None = Field(None, description="PEM: the certificate's key, without a passphrase")
    tls_client_ca_file: Path | None = Field(
        None, description="PEM: who vouches for callers; they must then show a certificate"
    )
    student: str = "embedded/smollm2-135m"
    teacher: str = "offline/teacher"
    evaluator: str | None = Field(
        None, description="default: offline/evaluator for an offline teacher, else the teacher"
    )
    models: dict[str, ModelSettings] = Field(default_factory=dict, description="by name pattern; the first match wins")
    local_api_base: str | None = Field(None, description="the OpenAI-compatible server behind local/NAME")
    max_running_jobs: int = Field(4, ge=1)
    executor: Literal["local", "ray"] = Field("local", description="who works on rows: the service, or a Ray cluster")
    ray_address: str | None = Field(None, description="default: RAY_ADDRESS, else the cluster on this machine")
    base_model: str = Field("meta-llama/Llama-3.2-1B-Instruct", min_length=1)
    max_training_jobs: int = Field(1, ge=1)
    training_executor: Literal["local", "ray"] = Field(
        "local", description="where trainings run: beside the service, or on a Ray cluster"
    )
    training_nodes: int = Field(1, ge=1, le=64, description="of Ray's, that share one SFT or DPO")
    training_memory_limit: int | None = Field(
        None, ge=1 << 20, description="bytes; default: nine tenths of the machine's memory"
    )
    max_row_bytes: int = Field(8 << 20, ge=1024)
    max_upload_bytes: int = Field(8 << 30, ge=1024)
    embedded_threads: int | None = Field(None, ge=1, description="default: the free cores, 4 at most")
    metrics: bool = Field(False, description="whether /metrics of REST answers Prometheus")
    trace_examples: int = Field(1000, ge=0, description="examples of a job's run that stand in its trace; the first")
    trace_content: bool = Field(False, description="whether prompts and replies stand in traces")
    project_requests_per_second: float | None = Field(
        None, ge=0.001, description="of a project without a limit of its own; default: none on loopback, 100 beyond"
    )
    project_max_jobs: int | None = Field(
        None, ge=0, description="queued and running; default: none on loopback, 100 beyond"
    )
    project_max_stored_bytes: int | None = Field(None, ge=0, description="default: none on loopback, 100 GiB beyond")
    project_max_spend: float | None = Field(None, ge=0, description="US dollars; default: no limit")
    project_spend_period: Literal["month", "total"] = Field("month", description="what project_max_spend is for")
    audit_days: int = Field(365, ge=0, description="days for which the audit log is kept; 0: for ever")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, then the file that TEACHBACK_CONFIG names."""
        names.check_environment(os.environ, settings_cls.model_fields)
        sources = [init_settings, env_settings]
        if path := os.environ.get("TEACHBACK_CONFIG"):
            sources.append(InitSettingsSource(settings_cls, file.read(Path(path), settings_cls.model_fields)))
        return tuple(sources)

    @field_validator("artifacts_url")
    @classmethod
    def _a_store(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"(s3|gs|az)://[^/\s?#@]+(/[^\s?#]*)?|file:///\S+", url):
            raise ValueError("write s3://BUCKET/PREFIX, gs://..., az://... or file:///FOLDER, and no key in it")
        return url

    @model_validator(mode="after")
    def _no_mask(self) -> Self:
        """What `teachback config show` prints can be the file again, but its masks are no secrets."""
        if name := masking.masked(self):
            raise ValueError(
                f"{name} holds the mask {masking.MASK} that `teachback config show` prints in place of a secret: "
                f"write the secret itself, or leave it out and set it in the environment"
            )
        return self

    @property
    def database(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'teachback.db'}"

    def bearer(self) -> str | None:
        """The token callers must show, None where none is wanted.

        Raises ValueError where the service would listen beyond loopback without one.
        """
        token = self.token.get_secret_value() if self.token else None
        if self.token_file:
            token = self.token_file.read_text(encoding="utf-8").strip()
        if not token and self.host not in LOOPBACK:
            raise ValueError(
                f"listening on {self.host} lets others in: set TEACHBACK_TOKEN or --token-file, or listen on 127.0.0.1"
            )
        return token or None

    def judge_for(self, teacher: str) -> str:
        """The evaluator where a request names none."""
        return self.evaluator or ("offline/evaluator" if teacher.startswith("offline/") else teacher)


def explained(error: ValueError) -> str:
    """What is wrong with the settings, in one line that quotes no value."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = [str(part) for part in first["loc"]]
    if not path:
        return f"setting {first['msg'].removeprefix('Value error, ')}"
    why = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        fields = ModelSettings.model_fields if len(path) > 1 else Settings.model_fields
        why = f"there is no such setting{names.hint(path[-1], fields)}"
    return f"setting {'.'.join(path)}: {why}"
