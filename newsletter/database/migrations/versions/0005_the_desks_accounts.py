"""The desk's accounts"""

import sqlalchemy as sa
from alembic import op

revision = '0005_accounts'
down_revision = '0004_paused'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
ROLES = "role IN ('viewer', 'editor', 'operator', 'admin')"


def upgrade() -> None:
    op.create_table(
        'desk_user',
        sa.Column('id', BIG, nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('name_norm', sa.String(length=256), nullable=False),
        sa.Column('role', sa.String(length=16), nullable=False),
        sa.Column('password', sa.String(length=255), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('disabled_at', sa.BigInteger(), nullable=True),
        sa.Column('looked_at', sa.BigInteger(), nullable=False),
        sa.CheckConstraint(ROLES, name=op.f('ck_desk_user_role')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_desk_user')),
        sa.UniqueConstraint('name_norm', name=op.f('uq_desk_user_name_norm')),
    )
    op.create_table(
        'desk_session',
        sa.Column('id', BIG, nullable=False),
        sa.Column('user_id', BIG, nullable=False),
        sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('seen_at', sa.BigInteger(), nullable=False),
        sa.Column('expires_at', sa.BigInteger(), nullable=False),
        sa.Column('ended_at', sa.BigInteger(), nullable=True),
        sa.Column('agent', sa.String(length=200), nullable=False),
        sa.Column('address', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ['user_id'], ['desk_user.id'], name=op.f('fk_desk_session_user_id_desk_user'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_desk_session')),
        sa.UniqueConstraint('token_hash', name=op.f('uq_desk_session_token_hash')),
    )
    op.create_index('ix_desk_session_user', 'desk_session', ['user_id'])
    op.create_table(
        'api_token',
        sa.Column('id', BIG, nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('name_norm', sa.String(length=256), nullable=False),
        sa.Column('role', sa.String(length=16), nullable=False),
        sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('seen_at', sa.BigInteger(), nullable=True),
        sa.Column('ended_at', sa.BigInteger(), nullable=True),
        sa.CheckConstraint(ROLES, name=op.f('ck_api_token_role')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
        sa.UniqueConstraint('name_norm', name=op.f('uq_api_token_name_norm')),
        sa.UniqueConstraint('token_hash', name=op.f('uq_api_token_token_hash')),
    )
    op.create_table(
        'first_link',
        sa.Column('id', BIG, nullable=False),
        sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('expires_at', sa.BigInteger(), nullable=False),
        sa.Column('used_at', sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_first_link')),
        sa.UniqueConstraint('token_hash', name=op.f('uq_first_link_token_hash')),
    )
    op.create_table(
        'sign_in_attempt',
        sa.Column('id', BIG, nullable=False),
        sa.Column('name_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('address_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in_attempt')),
    )
    op.create_index('ix_sign_in_attempt_name', 'sign_in_attempt', ['name_hash', 'at'])
    op.create_index('ix_sign_in_attempt_address', 'sign_in_attempt', ['address_hash', 'at'])


def downgrade() -> None:
    for name in ('sign_in_attempt', 'first_link', 'api_token', 'desk_session', 'desk_user'):
        op.drop_table(name)
