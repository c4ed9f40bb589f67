"""What a person decided of an example."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds a column to examples."""
    op.add_column("examples", sa.Column("review", sa.Text(), nullable=True))
