"""Projects, their tokens and limits, what they spend, and the log of who did what. All that is there is "default"'s."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Both first releases left these constraints without a name: PostgreSQL gave them one, SQLite none.
NAMES = {"uq": "%(table_name)s_%(column_0_name)s_key"}


def upgrade() -> None:
    """Adds an owner to datasets and jobs, and the tables of access."""
    for table in ("datasets", "jobs"):
        # Left by an upgrade that was killed: SQLite changes a table by copying it, and does not take that back.
        op.execute(f"DROP TABLE IF EXISTS _alembic_tmp_{table}")
        with op.batch_alter_table(table, naming_convention=NAMES) as batch:
            batch.add_column(sa.Column("project", sa.String(length=32), nullable=False, server_default="default"))
            batch.add_column(sa.Column("bytes", BIG, nullable=False, server_default="0"))
            # The same key in two projects is two keys.
            batch.drop_constraint(f"{table}_idempotency_key_key", type_="unique")
            batch.create_unique_constraint(f"{table}_by_key", ["project", "idempotency_key"])
        op.create_index(f"{table}_by_project", table, ["project", "created"])
    _measure()
    projects = op.create_table(
        "projects",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("requests_per_second", sa.Float(), nullable=True),
        sa.Column("max_jobs", sa.Integer(), nullable=True),
        sa.Column("max_stored_bytes", BIG, nullable=True),
        sa.Column("max_spend", sa.Float(), nullable=True),
        sa.Column("spend_period", sa.String(length=8), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(projects, [{"id": "default", "display_name": "default", "created": time.time()}])
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=32), nullable=True),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("old_hash", sa.String(length=64), nullable=True),
        sa.Column("old_until", sa.Float(), nullable=True),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=True),
        sa.Column("last_used", sa.Float(), nullable=True),
        sa.Column("revoked", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )
    op.create_index(op.f("ix_tokens_old_hash"), "tokens", ["old_hash"])
    op.create_table(
        "rates",
        sa.Column("project", sa.String(length=32), nullable=False),
        sa.Column("full", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("project"),
    )
    op.create_table(
        "spend",
        sa.Column("project", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("booked", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("project", "month"),
    )
    _book()
    op.create_table(
        "spend_holds",
        sa.Column("job_id", sa.String(length=32), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "run"),
    )
    op.create_index(op.f("ix_spend_holds_project"), "spend_holds", ["project"])
    op.create_table(
        "audit",
        sa.Column("id", BIG, nullable=False, autoincrement=True),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("project", sa.String(length=32), nullable=True),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("method", sa.String(length=200), nullable=False),
        sa.Column("object", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_audit_time"), "audit", ["time"])
    op.create_index("audit_by_project", "audit", ["project", "id"])


def _measure() -> None:
    """The bytes of what is there. (Of jobs that have ended, the results; their files are not looked at.)"""
    op.execute(
        "UPDATE datasets SET bytes = "
        "(SELECT COALESCE(SUM(LENGTH(items.raw)), 0) FROM items WHERE items.dataset_id = datasets.id)"
    )
    op.execute(
        "UPDATE jobs SET bytes = "
        "(SELECT COALESCE(SUM(LENGTH(examples.result)), 0) FROM examples WHERE examples.job_id = jobs.id)"
    )


def _book() -> None:
    """What was spent so far stands in the ledger, and is booked under the month of the upgrade."""
    op.execute(
        sa.text(
            "INSERT INTO spend (project, month, booked) "
            "SELECT 'default', :month, SUM(cost) FROM calls WHERE cost > 0 HAVING SUM(cost) > 0"
        ).bindparams(month=time.strftime("%Y-%m", time.gmtime()))
    )
