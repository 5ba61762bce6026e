"""Who decided of a story

Where a story's status is not what its source last said, a person had decided it: that is kept as the decision. What a
source had withheld and then held stays the source's own.
"""

import sqlalchemy as sa
from alembic import op

revision = '0003_who_decided'
down_revision = '0002_paces'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('story', sa.Column('decision', sa.String(length=16), nullable=True))
    op.add_column('story', sa.Column('decided_by', sa.String(length=200), nullable=True))
    op.add_column('story', sa.Column('decided_at', sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE story SET decision = status, decided_at = updated_at "
        "WHERE source_status IS NOT NULL AND source_status <> status AND status <> 'withheld'"
    )


def downgrade() -> None:
    for name in ('decided_at', 'decided_by', 'decision'):
        op.drop_column('story', name)
