"""What speaks against an address is scored"""

import sqlalchemy as sa
from alembic import op

revision = '0015_bounces'
down_revision = '0010_readers'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'bounce',
        sa.Column('address_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('score', sa.Float(), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('address_hash', name=op.f('pk_bounce')),
    )


def downgrade() -> None:
    op.drop_table('bounce')
