"""``newsletter users``: who may work at the desk."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from newsletter.accounts import Role, sessions, tokens, users
from newsletter.accounts.passwords import LEAST
from newsletter.cli.output import Json, opened, plural, print_json, print_table, say
from newsletter.errors import Refused

app = typer.Typer(help="Who may work at the desk.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Whose account.", metavar="NAME")]
RoleOption = Annotated[Role, typer.Option("--role", help="viewer, editor, operator or admin.", metavar="ROLE")]
_MOST_TYPED = 1_000


def _password() -> str:
    """A new password: asked for twice on a terminal, else the first line of the standard input. Raises `Refused`."""
    if sys.stdin.isatty():
        return str(typer.prompt(f"Password ({LEAST} characters or more)", hide_input=True, confirmation_prompt=True))
    words = sys.stdin.readline(_MOST_TYPED).rstrip("\r\n")
    if not words:
        raise Refused("no password: type it, or hand it over as the first line of the standard input")
    return words


@app.command()
def add(ctx: typer.Context, name: Name, role: RoleOption) -> None:
    """Make an account. The password is asked for, or read from the standard input."""
    with opened(ctx) as site:
        user = users.add(site.database, name, role, _password(), site.clock.now())
    say(f"{user.name} has an account, as {user.role}")


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the accounts, and the tokens of scripts."""
    with opened(ctx) as site, site.database.reading() as session:
        rows = [
            {
                "name": user.name,
                "kind": "person",
                "role": user.role,
                "state": "disabled" if user.disabled_at else "in use",
                "sessions": len(sessions.alive(session, user.id, site.clock.now())),
                "made": user.created_at,
            }
            for user in users.everyone(session)
        ] + [
            {
                "name": token.name,
                "kind": "token",
                "role": token.role,
                "state": "ended" if token.ended_at else "in use",
                "sessions": 0,
                "made": token.created_at,
            }
            for token in tokens.listing(session)
        ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("name", "kind", "role", "state", "signed in", "made"),
        [(r["name"], r["kind"], r["role"], r["state"], r["sessions"], f"{r['made']:%Y-%m-%d}") for r in rows],
    )


@app.command()
def disable(ctx: typer.Context, name: Name) -> None:
    """Let an account sign in no more, and end its sessions."""
    with opened(ctx) as site:
        user = users.disable(site.database, name, site.clock.now())
    say(f"{user.name} cannot sign in any more")


@app.command()
def enable(ctx: typer.Context, name: Name) -> None:
    """Let a disabled account sign in again."""
    with opened(ctx) as site:
        user = users.enable(site.database, name)
    say(f"{user.name} can sign in again")


@app.command("role")
def role_(
    ctx: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Argument(help="viewer, editor, operator or admin.", metavar="ROLE")],
) -> None:
    """Give an account another role, from its next click on."""
    with opened(ctx) as site:
        user = users.set_role(site.database, name, role)
    say(f"{user.name} is {user.role}")


@app.command()
def password(ctx: typer.Context, name: Name) -> None:
    """Give an account another password; ends its sessions, and forgets failed attempts to sign in."""
    with opened(ctx) as site:
        with site.database.reading() as session:
            users.find(session, name)  # before somebody types in vain
        users.set_password(site.database, name, _password(), site.clock.now())
    say(f"{name} has a new password")


@app.command("sessions")
def sessions_(
    ctx: typer.Context,
    name: Name,
    end: Annotated[bool, typer.Option("--end", help="End them all.")] = False,
    as_json: Json = False,
) -> None:
    """List where somebody is signed in, or end that."""
    with opened(ctx) as site:
        now = site.clock.now()
        if end:
            with site.database.writing() as session:
                user = users.find(session, name)
                ended = sessions.end_all(session, user.id, now)
            say(f"{user.name}: {plural(ended, 'session')} ended")
            return
        with site.database.reading() as session:
            alive = sessions.alive(session, users.find(session, name).id, now)
    rows = [
        {"begun": one.created_at, "last used": one.seen_at, "address": one.address, "browser": one.agent}
        for one in alive
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("begun (UTC)", "last used", "address", "browser"),
        [
            (f"{r['begun']:%Y-%m-%d %H:%M}", f"{r['last used']:%Y-%m-%d %H:%M}", r["address"], r["browser"])
            for r in rows
        ],
    )


@app.command()
def token(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the script is called.", metavar="NAME")],
    role: Annotated[Role, typer.Option("--role", help="What it may do.", metavar="ROLE")] = Role.VIEWER,
    end: Annotated[bool, typer.Option("--end", help="End it instead, for good.")] = False,
) -> None:
    """Make a token for a script, and print it this once."""
    with opened(ctx) as site:
        if end:
            tokens.end(site.database, name, site.clock.now())
            say(f"the token {name} is ended")
            return
        made = tokens.make(site.database, name, role, site.clock.now())
    say(made)
