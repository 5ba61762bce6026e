"""A story can say who gets it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0011_fences'
down_revision = '0010_readers'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')


def upgrade() -> None:
    op.add_column('story_version', sa.Column('fence', JSON, nullable=True))


def downgrade() -> None:
    op.drop_column('story_version', 'fence')
