"""The tables, as SQLAlchemy Core sees them. Migrations make them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
# SQLite gives rowids to INTEGER alone; elsewhere the counters are 64 bits wide.
Big = BigInteger().with_variant(Integer, "sqlite")

datasets = Table(
    "datasets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("files", Text, nullable=False),  # JSON list of names
    Column("item_count", Big, nullable=False),
    Column("bad_row_count", Big, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("idempotency_key", String(200)),
    Column("created", Float, nullable=False),  # seconds since 1970, as every time here
    Column("ready", Boolean, nullable=False),  # false while the upload runs: swept at start
    Column("kind", String(12), nullable=False, server_default="rows"),  # "slots": what a generate job is to make
    Column("project", String(32), nullable=False, server_default="default"),  # whose it is; nobody else finds it
    Column("bytes", Big, nullable=False, server_default="0"),  # of its rows, in UTF-8, those of an upload under way too
    UniqueConstraint("project", "idempotency_key", name="datasets_by_key"),
    Index("datasets_by_project", "project", "created"),
)

items = Table(
    "items",
    metadata,
    Column("dataset_id", String(32), ForeignKey("datasets.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Big, nullable=False),
    Column("item_id", String(48), nullable=False),
    Column("file", Integer, nullable=False),  # index into the dataset's files
    Column("line", Big, nullable=False),
    Column("annotated", Boolean, nullable=False),
    Column("raw", Text, nullable=False),
    PrimaryKeyConstraint("dataset_id", "seq"),
    Index("items_by_id", "dataset_id", "item_id"),
)

bad_rows = Table(
    "bad_rows",
    metadata,
    Column("dataset_id", String(32), ForeignKey("datasets.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Big, nullable=False),
    Column("file", Text, nullable=False),
    Column("line", Big, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("dataset_id", "seq"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("spec", Text, nullable=False),  # JSON
    Column("state", String(12), nullable=False, index=True),
    Column("idempotency_key", String(200)),
    Column("created", Float, nullable=False, index=True),
    Column("started", Float),
    Column("ended", Float),
    Column("error_code", Integer),  # google.rpc.Code
    Column("error_message", Text),
    Column("progress", Text, nullable=False),  # JSON, as of the last commit
    Column("runs", Integer, nullable=False),  # how often it was taken up: replies are looked up from the second time on
    Column("report", Text),  # JSON: what a recipe says of its finished output
    Column("project", String(32), nullable=False, server_default="default"),  # whose it is; nobody else finds it
    Column("bytes", Big, nullable=False, server_default="0"),  # of the files it has left
    UniqueConstraint("project", "idempotency_key", name="jobs_by_key"),
    Index("jobs_by_project", "project", "created"),
)

examples = Table(
    "examples",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Big, nullable=False),
    Column("item_id", String(48), nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("enhanced", Boolean, nullable=False),
    Column("iterations", Integer, nullable=False),
    Column("result", LargeBinary, nullable=False),  # JSON
    Column("input_hash", String(32), nullable=False, index=True),
    Column("taken_from", Text),  # the row of an earlier output, as it stood there
    Column("review", Text),  # JSON: a person's verdict, and the example as edited
    PrimaryKeyConstraint("job_id", "seq"),
    Index("examples_by_id", "job_id", "item_id"),
)

calls = Table(
    "calls",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("item_id", String(48), nullable=False),
    Column("step", String(32), nullable=False),
    Column("round", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("model", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("finish_reason", String(24), nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost", Float),
    Column("created", Float, nullable=False),
    PrimaryKeyConstraint("job_id", "item_id", "step", "round", "attempt", "fingerprint"),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Big, nullable=False),
    Column("time", Float, nullable=False),
    Column("type", String(12), nullable=False),
    Column("body", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("job_id", "seq"),
    sqlite_with_rowid=False,
)

projects = Table(
    "projects",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("created", Float, nullable=False),
    # Limits of its own; where there is none, the service's setting holds.
    Column("requests_per_second", Float),
    Column("max_jobs", Integer),
    Column("max_stored_bytes", Big),
    Column("max_spend", Float),
    Column("spend_period", String(8)),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(32), ForeignKey("projects.id")),  # none: an operator's
    Column("scope", String(8), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("prefix", String(12), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the secret, hex
    Column("old_hash", String(64), index=True),  # of the secret before the last rotation
    Column("old_until", Float),
    Column("created", Float, nullable=False),
    Column("expires", Float),
    Column("last_used", Float),  # to ten minutes
    Column("revoked", Float),
)

rates = Table(
    "rates",
    metadata,
    Column("project", String(32), primary_key=True),
    Column("full", Float, nullable=False),  # when the bucket will be full again
)

spend = Table(
    "spend",
    metadata,
    Column("project", String(32), nullable=False),
    Column("month", String(7), nullable=False),  # 2026-11, UTC
    Column("booked", Float, nullable=False),  # US dollars
    PrimaryKeyConstraint("project", "month"),
)

spend_holds = Table(
    "spend_holds",
    metadata,
    Column("job_id", String(32), nullable=False),
    Column("run", String(32), nullable=False),  # of the job: the one before may wake up late
    Column("project", String(32), nullable=False, index=True),
    Column("amount", Float, nullable=False),  # US dollars that it may still spend
    PrimaryKeyConstraint("job_id", "run"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("time", Float, nullable=False, index=True),
    Column("project", String(32)),
    Column("token", String(32), nullable=False),  # an id, never a secret
    Column("method", String(200), nullable=False),
    Column("object", String(200), nullable=False),
    Column("address", String(100), nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("times", Integer, nullable=False),  # refusals like one of the last second are one entry more
    Index("audit_by_project", "project", "id"),
)

leases = Table(
    "leases",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(32), nullable=False, index=True),  # of which service process
    Column("fence", Big, nullable=False),  # grows with every owner; what is written of the job carries it
    Column("expires", Float, nullable=False),  # by the database's clock
    # Makes the number a part of a key: who writes locks the key alone (services/store/fence.py).
    UniqueConstraint("job_id", "fence", name="leases_fenced"),
)

requests = Table(
    "requests",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("verb", String(12), nullable=False),
    Column("max_cost", Float),
    Column("created", Float, nullable=False),  # by the database's clock
    Column("taken_by", String(32)),  # the owner that does it
    Column("answer", Text),  # JSON: what was wrong; {} where nothing was
)

model_rates = Table(
    "model_rates",
    metadata,
    Column("model", Text, nullable=False),
    Column("what", String(8), nullable=False),  # requests, tokens
    Column("full", Float, nullable=False),  # when the bucket will be full again, by the database's clock
    PrimaryKeyConstraint("model", "what"),
)

model_slots = Table(
    "model_slots",
    metadata,
    Column("model", Text, nullable=False),
    Column("holder", String(32), nullable=False),  # a process that calls models
    Column("slots", Integer, nullable=False),  # calls that it may have under way
    Column("wanted", Integer, nullable=False),  # what it had use for lately
    Column("expires", Float, nullable=False),  # by the database's clock
    PrimaryKeyConstraint("model", "holder"),
)

shards = Table(
    "shards",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("held", Float, nullable=False),  # US dollars of the job's budget that it may still spend
)
