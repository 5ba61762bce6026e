"""A send can be paused"""

import sqlalchemy as sa
from alembic import op

revision = '0004_paused'
down_revision = '0003_who_decided'
branch_labels = None
depends_on = None

STATES = "'draft', 'ready', 'approved', 'locked', 'sending', 'sent', 'held', 'skipped', 'aborted'"


def upgrade() -> None:
    _allow(f"{STATES}, 'paused'")


def downgrade() -> None:
    op.execute("UPDATE edition SET state = 'held', reason = 'paused' WHERE state = 'paused'")
    op.execute("UPDATE edition_event SET to_state = 'held' WHERE to_state = 'paused'")
    op.execute("UPDATE edition_event SET from_state = 'held' WHERE from_state = 'paused'")
    _allow(STATES)


def _allow(states: str) -> None:
    name, check = op.f('ck_edition_state'), f"state IN ({states})"
    if op.get_context().dialect.name != 'sqlite':
        op.drop_constraint(name, 'edition', type_='check')
        op.create_check_constraint(name, 'edition', check)
        return
    # The table is made anew. Whether a check is seen in the old one depends on the version of SQLAlchemy.
    table = sa.Table('edition', sa.MetaData(), autoload_with=op.get_bind())
    table.constraints -= {one for one in table.constraints if isinstance(one, sa.CheckConstraint)}
    table.append_constraint(sa.CheckConstraint(check, name=name))
    with op.batch_alter_table('edition', copy_from=table, recreate='always'):
        pass
