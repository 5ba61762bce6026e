"""Readers choose how often they get a briefing, and ask for another address"""

import sqlalchemy as sa
from alembic import op

revision = '0013_choices'
down_revision = '0012_service_mails'
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'chosen_frequency',
        sa.Column('subscriber_id', _BIG, nullable=False),
        sa.Column('briefing', sa.String(length=64), nullable=False),
        sa.Column('frequency', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ['subscriber_id'],
            ['subscriber.id'],
            name=op.f('fk_chosen_frequency_subscriber_id_subscriber'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('subscriber_id', 'briefing', name=op.f('pk_chosen_frequency')),
    )
    op.create_table(
        'address_change',
        sa.Column('id', _BIG, nullable=False),
        sa.Column('subscriber_id', _BIG, nullable=False),
        sa.Column('email', sa.String(length=320), nullable=False),
        sa.Column('old_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('new_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ['subscriber_id'],
            ['subscriber.id'],
            name=op.f('fk_address_change_subscriber_id_subscriber'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_address_change')),
        sqlite_autoincrement=True,
    )
    op.create_index('ix_address_change_subscriber_id', 'address_change', ['subscriber_id'])
    op.create_index('ix_consent_event_subscriber_id', 'consent_event', ['subscriber_id'])


def downgrade() -> None:
    op.drop_index('ix_consent_event_subscriber_id', 'consent_event')
    op.drop_table('address_change')
    op.drop_table('chosen_frequency')
