"""What was approved"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0009_approvals'
down_revision = '0008_board'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
JSON = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'approval',
        sa.Column('id', BIG, nullable=False),
        sa.Column('edition_id', BIG, nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('by', sa.String(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('seen', JSON, nullable=False),
        sa.Column('readers', sa.Integer(), nullable=False),
        sa.Column('confirmed', sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ['edition_id'], ['edition.id'], name=op.f('fk_approval_edition_id_edition'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_approval')),
    )
    op.create_index('ix_approval_edition', 'approval', ['edition_id'])


def downgrade() -> None:
    op.drop_table('approval')
