"""Sources of other kinds than rows, and what a recipe reports on its output."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds a column to datasets and one to jobs."""
    op.add_column("datasets", sa.Column("kind", sa.String(length=12), nullable=False, server_default="rows"))
    op.add_column("jobs", sa.Column("report", sa.Text(), nullable=True))
