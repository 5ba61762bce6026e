"""Corrections to what was sent, and the links of an edition whose clicks are counted"""

import sqlalchemy as sa
from alembic import op

revision = '0014_archive'
down_revision = '0013_choices'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'correction',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('edition_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('words', sa.String(), nullable=False),
        sa.Column('by', sa.String(), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('taken_back_by', sa.String(), nullable=True),
        sa.Column('taken_back_at', sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('correction', 'clarification', 'retraction')", name=op.f('ck_correction_kind')),
        sa.ForeignKeyConstraint(
            ['edition_id'], ['edition.id'], name=op.f('fk_correction_edition_id_edition'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_correction')),
    )
    op.create_index('ix_correction_edition', 'correction', ['edition_id'])
    op.create_table(
        'edition_link',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('edition_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('no', sa.Integer(), nullable=False),
        sa.Column('code', sa.String(length=16), nullable=False),
        sa.Column('url', sa.String(), nullable=False),
        sa.Column('label', sa.String(), nullable=False),
        sa.Column('clicks', sa.Integer(), nullable=False),
        sa.Column('by_scanners', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ['edition_id'], ['edition.id'], name=op.f('fk_edition_link_edition_id_edition'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_edition_link')),
        sa.UniqueConstraint('code', name=op.f('uq_edition_link_code')),
        sa.UniqueConstraint('edition_id', 'no', name=op.f('uq_edition_link_edition_id_no')),
    )


def downgrade() -> None:
    op.drop_table('edition_link')
    op.drop_table('correction')
