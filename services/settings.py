"""Everything an operator can set: by environment (TEACHBACK_...), by a YAML file (TEACHBACK_CONFIG), by flags."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from agents.models import ModelSettings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(BaseSettings):
    """Flags win over the environment, the environment over the file."""

    model_config = SettingsConfigDict(env_prefix="TEACHBACK_", extra="ignore")

    host: str = "127.0.0.1"
    grpc_port: int = Field(50051, ge=0, le=65535, description="0: any free port")
    rest_port: int = Field(8080, ge=0, le=65535, description="0: any free port")
    data_dir: Path = Field(
        default_factory=lambda: Path(os.environ.get("TEACHBACK_HOME") or user_data_path("teachback"))
    )
    database_url: str | None = Field(None, description="default: SQLite in the data folder")
    token: SecretStr | None = Field(None, description="bearer token; required beyond loopback")
    token_file: Path | None = None
    student: str = "embedded/smollm2-135m"
    teacher: str = "offline/teacher"
    evaluator: str | None = Field(
        None, description="default: offline/evaluator for an offline teacher, else the teacher"
    )
    models: dict[str, ModelSettings] = Field(default_factory=dict, description="by name pattern; the first match wins")
    local_api_base: str | None = Field(None, description="the OpenAI-compatible server behind local/NAME")
    max_running_jobs: int = Field(4, ge=1)
    base_model: str = Field("meta-llama/Llama-3.2-1B-Instruct", min_length=1)
    max_training_jobs: int = Field(1, ge=1)
    training_memory_limit: int | None = Field(
        None, ge=1 << 20, description="bytes; default: nine tenths of the machine's memory"
    )
    max_row_bytes: int = Field(8 << 20, ge=1024)
    max_upload_bytes: int = Field(8 << 30, ge=1024)
    embedded_threads: int | None = Field(None, ge=1)
    metrics: bool = Field(False, description="whether /metrics of REST answers Prometheus")
    trace_examples: int = Field(1000, ge=0, description="examples of a job's run that stand in its trace; the first")
    trace_content: bool = Field(False, description="whether prompts and replies stand in traces")

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
        sources = [init_settings, env_settings]
        if path := os.environ.get("TEACHBACK_CONFIG"):
            if not Path(path).is_file():  # or it would be passed over in silence
                raise ValueError(f"TEACHBACK_CONFIG names {path}, and there is no such file")
            sources.append(YamlConfigSettingsSource(settings_cls, yaml_file=path))
        return tuple(sources)

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
