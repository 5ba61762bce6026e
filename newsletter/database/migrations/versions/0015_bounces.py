"""What speaks against an address is scored, and readers are counted in groups"""

import sqlalchemy as sa
from alembic import op

revision = '0015_bounces'
down_revision = '0014_archive'
branch_labels = None
depends_on = None

_STANDS = "EXISTS (SELECT 1 FROM suppression s WHERE s.address_hash = {}address_hash AND s.briefing = '')"


def upgrade() -> None:
    op.create_table(
        'bounce',
        sa.Column('address_hash', sa.LargeBinary(length=32), nullable=False),
        sa.Column('score', sa.Float(), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('address_hash', name=op.f('pk_bounce')),
    )
    op.create_index(
        'ix_subscriber_paused_until',
        'subscriber',
        ['paused_until'],
        sqlite_where=sa.text('paused_until IS NOT NULL'),
        postgresql_where=sa.text('paused_until IS NOT NULL'),
    )
    op.create_index(
        'ix_suppression_briefing',
        'suppression',
        ['briefing', 'address_hash'],
        sqlite_where=sa.text("briefing <> ''"),
        postgresql_where=sa.text("briefing <> ''"),
    )
    op.add_column('subscriber', sa.Column('stopped', sa.SmallInteger(), nullable=False, server_default=sa.text('0')))
    op.execute(f'UPDATE subscriber SET stopped = 1 WHERE {_STANDS.format("subscriber.")}')
    if op.get_bind().dialect.name == 'sqlite':
        op.drop_index('ix_subscriber_country', 'subscriber')
        profile = ['country', 'language', 'region', 'timezone', 'frequency', 'tags', 'stopped']
        op.create_index('ix_subscriber_profile', 'subscriber', profile)
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    changed = 'AFTER UPDATE OF address_hash, briefing ON suppression'
    for name, when in (
        ('made', "AFTER INSERT ON suppression WHEN NEW.briefing = ''"),
        ('gone', "AFTER DELETE ON suppression WHEN OLD.briefing = ''"),
        ('changed', changed),
    ):
        rows = {'made': ['NEW'], 'gone': ['OLD'], 'changed': ['OLD', 'NEW']}[name]
        updates = ' '.join(
            f'UPDATE subscriber SET stopped = {_STANDS.format("subscriber.")} WHERE address_hash = {row}.address_hash;'
            for row in rows
        )
        op.execute(f'CREATE TRIGGER suppression_{name} {when} BEGIN {updates} END')
    for name, when in (('made', 'AFTER INSERT'), ('changed', 'AFTER UPDATE OF address_hash')):
        op.execute(
            f'CREATE TRIGGER subscriber_{name} {when} ON subscriber WHEN NEW.stopped <> {_STANDS.format("NEW.")} '
            f'BEGIN UPDATE subscriber SET stopped = {_STANDS.format("NEW.")} WHERE id = NEW.id; END'
        )


def _postgresql() -> None:
    update = f'UPDATE subscriber SET stopped = {_STANDS.format("subscriber.")}::int WHERE address_hash = '
    op.execute(
        'CREATE FUNCTION suppression_stops() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN '
        f"IF TG_OP <> 'INSERT' THEN {update} OLD.address_hash; END IF; "
        f"IF TG_OP <> 'DELETE' THEN {update} NEW.address_hash; END IF; RETURN NULL; END $$"
    )
    op.execute(
        'CREATE TRIGGER suppression_made AFTER INSERT ON suppression FOR EACH ROW '
        "WHEN (NEW.briefing = '') EXECUTE FUNCTION suppression_stops()"
    )
    op.execute(
        'CREATE TRIGGER suppression_gone AFTER DELETE ON suppression FOR EACH ROW '
        "WHEN (OLD.briefing = '') EXECUTE FUNCTION suppression_stops()"
    )
    op.execute(
        'CREATE TRIGGER suppression_changed AFTER UPDATE OF address_hash, briefing ON suppression FOR EACH ROW '
        'EXECUTE FUNCTION suppression_stops()'
    )
    op.execute(
        'CREATE FUNCTION subscriber_stopped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN '
        f'NEW.stopped := {_STANDS.format("NEW.")}::int; RETURN NEW; END $$'
    )
    op.execute(
        'CREATE TRIGGER subscriber_stopped BEFORE INSERT OR UPDATE OF address_hash ON subscriber FOR EACH ROW '
        'EXECUTE FUNCTION subscriber_stopped()'
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        for table, names in (('suppression', ('made', 'gone', 'changed')), ('subscriber', ('made', 'changed'))):
            for name in names:
                op.execute(f'DROP TRIGGER {table}_{name}')
        op.drop_index('ix_subscriber_profile', 'subscriber')
        op.create_index('ix_subscriber_country', 'subscriber', ['country'])
    else:
        for name in ('made', 'gone', 'changed'):
            op.execute(f'DROP TRIGGER suppression_{name} ON suppression')
        op.execute('DROP TRIGGER subscriber_stopped ON subscriber')
        op.execute('DROP FUNCTION suppression_stops()')
        op.execute('DROP FUNCTION subscriber_stopped()')
    op.drop_column('subscriber', 'stopped')
    op.drop_index('ix_suppression_briefing', 'suppression')
    op.drop_index('ix_subscriber_paused_until', 'subscriber')
    op.drop_table('bounce')
