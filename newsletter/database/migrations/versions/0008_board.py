"""What editors decide on the board, and how it is undone"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0008_board'
down_revision = '0007_shares'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
JSON_ = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')
KINDS = "'pin', 'exclude', 'move', 'headline', 'dek'"


def upgrade() -> None:
    op.add_column('override', sa.Column('version_no', sa.Integer(), nullable=True))
    op.add_column('override', sa.Column('seen_no', sa.Integer(), nullable=True))
    _allow(f"{KINDS}, 'bullets', 'version'")
    op.create_table(
        'edition_decision',
        sa.Column('id', BIG, nullable=False),
        sa.Column('edition_id', BIG, nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('what', sa.String(), nullable=False),
        sa.Column('change', JSON_, nullable=False),
        sa.Column('by', sa.String(), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('undone_at', sa.BigInteger(), nullable=True),
        sa.Column('undone_by', sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ['edition_id'], ['edition.id'], name=op.f('fk_edition_decision_edition_id_edition'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_edition_decision')),
    )
    op.create_index('ix_edition_decision_edition', 'edition_decision', ['edition_id'])


def downgrade() -> None:
    op.drop_table('edition_decision')
    op.execute("DELETE FROM override WHERE kind IN ('bullets', 'version') OR segment = '*'")
    _allow(KINDS)
    for name in ('seen_no', 'version_no'):
        op.drop_column('override', name)


def _allow(kinds: str) -> None:
    name, check = op.f('ck_override_kind'), f"kind IN ({kinds})"
    if op.get_context().dialect.name != 'sqlite':
        op.drop_constraint(name, 'override', type_='check')
        op.create_check_constraint(name, 'override', check)
        return
    # The table is made anew. Whether a check is seen in the old one depends on the version of SQLAlchemy.
    table = sa.Table('override', sa.MetaData(), autoload_with=op.get_bind())
    table.constraints -= {one for one in table.constraints if isinstance(one, sa.CheckConstraint)}
    table.append_constraint(sa.CheckConstraint(check, name=name))
    with op.batch_alter_table('override', copy_from=table, recreate='always'):
        pass
