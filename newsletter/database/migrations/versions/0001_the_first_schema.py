"""The first schema"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_ = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('attempt',
    sa.Column('id', ID, nullable=False),
    sa.Column('edition_id', sa.BigInteger(), nullable=False),
    sa.Column('subscriber_id', sa.BigInteger(), nullable=False),
    sa.Column('n', sa.SmallInteger(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('result', sa.String(length=16), nullable=False),
    sa.Column('code', sa.SmallInteger(), nullable=False),
    sa.Column('enhanced_code', sa.String(length=16), nullable=False),
    sa.Column('reply', sa.Text(), nullable=False),
    sa.Column('backend', sa.String(length=64), nullable=False),
    sa.Column('next_at', sa.BigInteger(), nullable=True, comment='when a deferred message is tried again'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attempt'))
    )
    with op.batch_alter_table('attempt', schema=None) as batch_op:
        batch_op.create_index('ix_attempt_edition_subscriber', ['edition_id', 'subscriber_id'], unique=False)

    op.create_table('consent',
    sa.Column('id', ID, nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('wording', sa.String(), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent')),
    sa.UniqueConstraint('digest', name=op.f('uq_consent_digest'))
    )
    op.create_table('delivery',
    sa.Column('subscriber_id', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False, comment='milliseconds since 1970'),
    sa.Column('edition_id', sa.Integer(), nullable=False),
    sa.Column('variant', sa.SmallInteger(), nullable=False, comment='variant.no'),
    sa.Column('status', sa.SmallInteger(), nullable=False),
    sa.Column('code', sa.SmallInteger(), nullable=False),
    sa.Column('attempts', sa.SmallInteger(), nullable=False),
    sa.Column('backend', sa.SmallInteger(), nullable=False, comment='place in variant.backends'),
    sa.PrimaryKeyConstraint('edition_id', 'subscriber_id', name=op.f('pk_delivery')),
    sqlite_with_rowid=False
    )
    op.create_table('edition',
    sa.Column('id', ID, nullable=False),
    sa.Column('briefing', sa.String(length=64), nullable=False),
    sa.Column('edition_date', sa.Date(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('due_at', sa.BigInteger(), nullable=False),
    sa.Column('subject', sa.String(), nullable=True),
    sa.Column('preheader', sa.String(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('assembled_at', sa.BigInteger(), nullable=True),
    sa.Column('approved_at', sa.BigInteger(), nullable=True),
    sa.Column('approved_by', sa.String(), nullable=True),
    sa.Column('approved_digest', sa.String(length=64), nullable=True),
    sa.Column('locked_at', sa.BigInteger(), nullable=True),
    sa.Column('dated_at', sa.BigInteger(), nullable=True),
    sa.Column('snapshot_cursor', ID, nullable=False),
    sa.Column('snapshot_done', sa.Boolean(), nullable=False),
    sa.Column('recipients', sa.Integer(), nullable=False),
    sa.Column('finished_at', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("state IN ('draft', 'ready', 'approved', 'locked', 'sending', 'sent', 'held', 'skipped', 'aborted')", name=op.f('ck_edition_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_edition')),
    sa.UniqueConstraint('briefing', 'edition_date', name=op.f('uq_edition_briefing_edition_date'))
    )
    with op.batch_alter_table('edition', schema=None) as batch_op:
        batch_op.create_index('ix_edition_state', ['state'], unique=False)

    op.create_table('lane',
    sa.Column('batch_id', sa.BigInteger(), nullable=False),
    sa.Column('lane', sa.Integer(), nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('subscriber_id', sa.BigInteger(), nullable=False),
    sa.Column('backend', sa.SmallInteger(), nullable=False, comment='place in variant.backends'),
    sa.PrimaryKeyConstraint('batch_id', 'lane', name=op.f('pk_lane')),
    sqlite_with_rowid=False
    )
    op.create_table('site_value',
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('value', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_site_value'))
    )
    op.create_table('story',
    sa.Column('id', ID, nullable=False),
    sa.Column('external_id', sa.String(length=500), nullable=False),
    sa.Column('slug', sa.String(length=200), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('source_status', sa.String(length=16), nullable=True),
    sa.Column('source', sa.String(length=32), nullable=False),
    sa.Column('latest_no', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("status IN ('held', 'usable', 'withheld', 'killed')", name=op.f('ck_story_status')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_story')),
    sa.UniqueConstraint('external_id', name=op.f('uq_story_external_id')),
    sa.UniqueConstraint('slug', name=op.f('uq_story_slug'))
    )
    with op.batch_alter_table('story', schema=None) as batch_op:
        batch_op.create_index('ix_story_status', ['status'], unique=False)

    op.create_table('suppression',
    sa.Column('address_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('briefing', sa.String(length=64), nullable=False),
    sa.Column('email_norm', sa.String(length=320), nullable=True),
    sa.Column('reason', sa.String(length=32), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('address_hash', 'briefing', name=op.f('pk_suppression'))
    )
    op.create_table('edition_event',
    sa.Column('id', ID, nullable=False),
    sa.Column('edition_id', ID, nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('from_state', sa.String(length=16), nullable=False),
    sa.Column('to_state', sa.String(length=16), nullable=False),
    sa.Column('by', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['edition_id'], ['edition.id'], name=op.f('fk_edition_event_edition_id_edition'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_edition_event'))
    )
    with op.batch_alter_table('edition_event', schema=None) as batch_op:
        batch_op.create_index('ix_edition_event_edition', ['edition_id'], unique=False)

    op.create_table('override',
    sa.Column('id', ID, nullable=False),
    sa.Column('edition_id', ID, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('story_id', ID, nullable=False),
    sa.Column('segment', sa.String(length=64), nullable=False),
    sa.Column('section', sa.String(length=64), nullable=True),
    sa.Column('position', sa.Integer(), nullable=True),
    sa.Column('text', sa.String(), nullable=True),
    sa.Column('by', sa.String(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("kind IN ('pin', 'exclude', 'move', 'headline', 'dek')", name=op.f('ck_override_kind')),
    sa.ForeignKeyConstraint(['edition_id'], ['edition.id'], name=op.f('fk_override_edition_id_edition'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['story_id'], ['story.id'], name=op.f('fk_override_story_id_story')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_override')),
    sa.UniqueConstraint('edition_id', 'kind', 'story_id', 'segment', name=op.f('uq_override_edition_id_kind_story_id_segment'))
    )
    op.create_table('story_version',
    sa.Column('id', ID, nullable=False),
    sa.Column('story_id', ID, nullable=False),
    sa.Column('no', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('kicker', sa.String(), nullable=False),
    sa.Column('headline', sa.String(), nullable=False),
    sa.Column('short_headline', sa.String(), nullable=False),
    sa.Column('dek', sa.String(), nullable=False),
    sa.Column('summary', sa.String(), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('bullets', JSON_, nullable=False),
    sa.Column('byline', sa.String(), nullable=False),
    sa.Column('image', JSON_, nullable=True),
    sa.Column('section', sa.String(), nullable=False),
    sa.Column('tags', JSON_, nullable=False),
    sa.Column('regions', JSON_, nullable=False),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('published_at', sa.BigInteger(), nullable=True),
    sa.Column('embargo_until', sa.BigInteger(), nullable=True),
    sa.Column('expires_at', sa.BigInteger(), nullable=True),
    sa.Column('internal_note', sa.String(), nullable=False),
    sa.Column('rights', sa.String(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['story_id'], ['story.id'], name=op.f('fk_story_version_story_id_story'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_story_version')),
    sa.UniqueConstraint('story_id', 'no', name=op.f('uq_story_version_story_id_no'))
    )
    op.create_table('subscriber',
    sa.Column('id', ID, nullable=False),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('email_norm', sa.String(length=320), nullable=False),
    sa.Column('address_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('first_name', sa.String(length=100), nullable=False),
    sa.Column('last_name', sa.String(length=100), nullable=False),
    sa.Column('country', sa.String(length=2), nullable=False),
    sa.Column('region', sa.String(length=64), nullable=False),
    sa.Column('language', sa.String(length=16), nullable=False),
    sa.Column('timezone', sa.String(length=64), nullable=False),
    sa.Column('frequency', sa.String(length=32), nullable=False),
    sa.Column('tags', JSON_, nullable=False),
    sa.Column('attributes', JSON_, nullable=False),
    sa.Column('consent_id', ID, nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['consent_id'], ['consent.id'], name=op.f('fk_subscriber_consent_id_consent')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subscriber')),
    sa.UniqueConstraint('email_norm', name=op.f('uq_subscriber_email_norm')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('subscriber', schema=None) as batch_op:
        batch_op.create_index('ix_subscriber_address_hash', ['address_hash'], unique=False)
        batch_op.create_index('ix_subscriber_country', ['country'], unique=False)

    op.create_table('variant',
    sa.Column('id', ID, nullable=False),
    sa.Column('edition_id', ID, nullable=False),
    sa.Column('segment', sa.String(length=64), nullable=False),
    sa.Column('no', sa.Integer(), nullable=False),
    sa.Column('backends', JSON_, nullable=False),
    sa.Column('due_at', sa.BigInteger(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('preheader', sa.String(), nullable=False),
    sa.Column('html', sa.String(), nullable=False),
    sa.Column('text', sa.String(), nullable=False),
    sa.Column('slots', JSON_, nullable=False),
    sa.Column('nonce', sa.String(length=12), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('stories', JSON_, nullable=False),
    sa.Column('frozen_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['edition_id'], ['edition.id'], name=op.f('fk_variant_edition_id_edition'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_variant')),
    sa.UniqueConstraint('edition_id', 'segment', name=op.f('uq_variant_edition_id_segment'))
    )
    op.create_table('batch',
    sa.Column('id', ID, nullable=False),
    sa.Column('edition_id', sa.BigInteger(), nullable=False),
    sa.Column('variant_id', sa.BigInteger(), nullable=False),
    sa.Column('lo', sa.BigInteger(), nullable=False, comment='first subscriber id'),
    sa.Column('hi', sa.BigInteger(), nullable=False, comment='last subscriber id'),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('due_at', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.SmallInteger(), nullable=False),
    sa.Column('owner', sa.String(length=64), nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('lease_until', sa.BigInteger(), nullable=True),
    sa.CheckConstraint('state IN (0, 1, 2)', name=op.f('ck_batch_state')),
    sa.ForeignKeyConstraint(['edition_id'], ['edition.id'], name=op.f('fk_batch_edition_id_edition'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['variant_id'], ['variant.id'], name=op.f('fk_batch_variant_id_variant'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_batch'))
    )
    with op.batch_alter_table('batch', schema=None) as batch_op:
        batch_op.create_index('ix_batch_open', ['edition_id', 'state', 'due_at', 'id'], unique=False)

    op.create_table('slot',
    sa.Column('id', ID, nullable=False),
    sa.Column('edition_id', ID, nullable=False),
    sa.Column('section', sa.String(length=64), nullable=False),
    sa.Column('section_no', sa.Integer(), nullable=False),
    sa.Column('segment', sa.String(length=64), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('story_version_id', ID, nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['edition_id'], ['edition.id'], name=op.f('fk_slot_edition_id_edition'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['story_version_id'], ['story_version.id'], name=op.f('fk_slot_story_version_id_story_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_slot')),
    sa.UniqueConstraint('edition_id', 'section', 'segment', 'position', name=op.f('uq_slot_edition_id_section_segment_position'))
    )
    if op.get_bind().dialect.name == "postgresql":
        # A delivery is updated once: half-filled pages keep that update on the row's own page (HOT).
        op.execute("ALTER TABLE delivery SET (fillfactor = 50)")


def downgrade() -> None:
    op.drop_table('slot')
    with op.batch_alter_table('batch', schema=None) as batch_op:
        batch_op.drop_index('ix_batch_open')

    op.drop_table('batch')
    op.drop_table('variant')
    with op.batch_alter_table('subscriber', schema=None) as batch_op:
        batch_op.drop_index('ix_subscriber_country')
        batch_op.drop_index('ix_subscriber_address_hash')

    op.drop_table('subscriber')
    op.drop_table('story_version')
    op.drop_table('override')
    with op.batch_alter_table('edition_event', schema=None) as batch_op:
        batch_op.drop_index('ix_edition_event_edition')

    op.drop_table('edition_event')
    op.drop_table('suppression')
    with op.batch_alter_table('story', schema=None) as batch_op:
        batch_op.drop_index('ix_story_status')

    op.drop_table('story')
    op.drop_table('site_value')
    op.drop_table('lane')
    with op.batch_alter_table('edition', schema=None) as batch_op:
        batch_op.drop_index('ix_edition_state')

    op.drop_table('edition')
    op.drop_table('delivery')
    op.drop_table('consent')
    with op.batch_alter_table('attempt', schema=None) as batch_op:
        batch_op.drop_index('ix_attempt_edition_subscriber')

    op.drop_table('attempt')
