"""Mails outside any edition and sign-ups wait in tables of their own, and how often somebody may ask is counted"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = '0012_service_mails'
down_revision = '0011_fences'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'service_mail',
        sa.Column('id', BIG, nullable=False),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('email', sa.String(length=320), nullable=False),
        sa.Column('address_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('content', JSON, nullable=False),
        sa.Column('attachment', sa.String(), nullable=True),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('due_at', sa.BigInteger(), nullable=False),
        sa.Column('settled_at', sa.BigInteger(), nullable=True),
        sa.Column('reply', sa.String(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_service_mail')),
    )
    op.create_index('ix_service_mail_state', 'service_mail', ['state', 'due_at'])
    op.create_table(
        'sign_up',
        sa.Column('id', BIG, nullable=False),
        sa.Column('email', sa.String(length=320), nullable=False),
        sa.Column('address_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('briefings', JSON, nullable=False),
        sa.Column('language', sa.String(length=16), nullable=False),
        sa.Column('source', sa.String(length=40), nullable=False),
        sa.Column('asked_at', sa.BigInteger(), nullable=False),
        sa.Column('expires_at', sa.BigInteger(), nullable=False),
        sa.Column('confirmed_at', sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_up')),
        sa.UniqueConstraint('address_hash', name=op.f('uq_sign_up_address_hash')),
        sqlite_autoincrement=True,
    )
    op.create_index('ix_sign_up_expires_at', 'sign_up', ['expires_at'])
    op.create_table(
        'allowance',
        sa.Column('key_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('since', sa.BigInteger(), nullable=False),
        sa.Column('used', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('key_hash', name=op.f('pk_allowance')),
    )
    op.create_index('ix_allowance_since', 'allowance', ['since'])


def downgrade() -> None:
    for name in ('allowance', 'sign_up', 'service_mail'):
        op.drop_table(name)
