"""Readers leave, return, pause and resume, and a log keeps it"""

import sqlalchemy as sa
from alembic import op

revision = '0010_readers'
down_revision = '0009_approvals'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('subscriber', sa.Column('paused_until', sa.BigInteger(), nullable=True))
    op.create_table(
        'consent_event',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('subscriber_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('address_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('decision', sa.String(length=16), nullable=False),
        sa.Column('briefing', sa.String(length=64), nullable=False),
        sa.Column('until', sa.BigInteger(), nullable=True),
        sa.Column('consent_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.ForeignKeyConstraint(
            ['consent_id'], ['consent.id'], name=op.f('fk_consent_event_consent_id_consent')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_consent_event')),
    )
    op.create_index('ix_consent_event_address_hash', 'consent_event', ['address_hash'])
    # A log that can be rewritten proves nothing.
    if op.get_bind().dialect.name == 'sqlite':
        for what in ('UPDATE', 'DELETE'):
            op.execute(
                f"CREATE TRIGGER consent_event_no_{what.lower()} BEFORE {what} ON consent_event "
                "BEGIN SELECT RAISE(ABORT, 'the consent log is append-only'); END"
            )
    else:
        op.execute(
            'CREATE FUNCTION consent_event_refuse() RETURNS trigger LANGUAGE plpgsql AS '
            "$$ BEGIN RAISE EXCEPTION 'the consent log is append-only'; END $$"
        )
        op.execute(
            'CREATE TRIGGER consent_event_append_only BEFORE UPDATE OR DELETE ON consent_event '
            'FOR EACH ROW EXECUTE FUNCTION consent_event_refuse()'
        )


def downgrade() -> None:
    op.drop_table('consent_event')
    if op.get_bind().dialect.name != 'sqlite':
        op.execute('DROP FUNCTION consent_event_refuse()')
    op.drop_column('subscriber', 'paused_until')
