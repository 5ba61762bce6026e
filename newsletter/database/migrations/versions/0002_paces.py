"""Paces: how fast a backend, or a provider through it, may be mailed at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_paces"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pace",
        sa.Column("backend", sa.String(length=64), nullable=False),
        sa.Column(
            "name",
            sa.String(length=255),
            nullable=False,
            comment="a provider or a domain; empty for the backend as a whole",
        ),
        sa.Column("rate", sa.Float(), nullable=False, comment="messages a second, at present"),
        sa.Column("ceiling", sa.Float(), nullable=False, comment="messages a second, towards which it speeds up"),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when tokens were counted"),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("slowed_at", sa.BigInteger(), nullable=True),
        sa.Column("held_until", sa.BigInteger(), nullable=True, comment="no speeding up before"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("backend", "name", name=op.f("pk_pace")),
    )


def downgrade() -> None:
    op.drop_table("pace")
