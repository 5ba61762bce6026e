"""Links that show an unsent edition, and test copies from the desk"""

import sqlalchemy as sa
from alembic import op

revision = '0007_shares'
down_revision = '0006_overridden'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'share',
        sa.Column('id', BIG, nullable=False),
        sa.Column('edition_id', BIG, nullable=False),
        sa.Column('by', sa.String(), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('expires_at', sa.BigInteger(), nullable=False),
        sa.Column('ended_at', sa.BigInteger(), nullable=True),
        sa.Column('ended_by', sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ['edition_id'], ['edition.id'], name=op.f('fk_share_edition_id_edition'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_share')),
    )
    op.create_index('ix_share_edition', 'share', ['edition_id'])
    op.create_table(
        'marked_copy',
        sa.Column('id', BIG, nullable=False),
        sa.Column('edition_id', BIG, nullable=False),
        sa.Column('segment', sa.String(length=64), nullable=False),
        sa.Column('by', sa.String(length=64), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('result', sa.String(length=16), nullable=False),
        sa.Column('reply', sa.String(), nullable=False),
        sa.CheckConstraint("result IN ('unknown', 'accepted', 'refused')", name=op.f('ck_marked_copy_result')),
        sa.ForeignKeyConstraint(
            ['edition_id'], ['edition.id'], name=op.f('fk_marked_copy_edition_id_edition'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_marked_copy')),
    )
    op.create_index('ix_marked_copy_edition', 'marked_copy', ['edition_id'])
    op.create_index('ix_marked_copy_by', 'marked_copy', ['by', 'at'])


def downgrade() -> None:
    for name in ('marked_copy', 'share'):
        op.drop_table(name)
