"""Jinja for templates: sandboxed, escaping, deterministic, and read through before anything is rendered.

Two readers of a segment get the same bytes but for their slots. So a template may put a slot into the page and may not
look at it: every use of ``slot`` and ``slot_url`` outside of plain output is refused with file and line.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.errors import TemplateError
from newsletter.rendering import filters
from newsletter.rendering.model import (
    SLOTS,
    BulletView,
    EditionView,
    ImageView,
    PublicationView,
    SectionView,
    ServiceView,
    StoryView,
)
from newsletter.rendering.shield import Masked
from newsletter.rendering.source import Source

EDITION_WORDS = frozenset({"edition", "slot", "slot_url"})
"""The variables of an edition's template."""
SERVICE_WORDS = frozenset({"mail"})
"""Those of a service mail's, which goes to one person and has no slots."""

# Not: safe, tojson, urlize, xmlattr (they make HTML of text), random (same inputs, same bytes), attr, pprint.
_FILTERS = re.findall(
    r"\w+",
    """abs batch capitalize center count d default dictsort e escape first float forceescape format groupby indent
    int items join last length list lower map max min reject rejectattr replace reverse round select selectattr slice
    sort string striptags sum title trim truncate unique upper urlencode wordcount""",
)
_GLOBALS = ("range", "dict", "namespace", "joiner", "cycler")
_ORIGIN = "template:"
# These hold nothing but data: no method of theirs does more than read it.
_DATA = frozenset({EditionView, ServiceView, PublicationView, SectionView, StoryView, BulletView, ImageView})
_VIEWS: dict[str, type] = {"edition": EditionView, "mail": ServiceView}
_PARTS: dict[str, type] = {"publication": PublicationView, "lead": StoryView}


@dataclasses.dataclass(frozen=True)
class Reference:
    """A template that another includes (``included``) or imports, and the error to raise where it does not exist."""

    name: str
    included: bool
    missing: TemplateError


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with a short way for what a template mostly does: read a field of a view."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) in _DATA and attribute[:1] != "_":
            try:
                return getattr(obj, attribute)
            except AttributeError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


def _printed(value: object) -> object:
    if value is None:
        raise jinja2.UndefinedError("this is None, which nobody wants to read: test it with {% if … %} first")
    return value


def environment(texts: Mapping[str, str], *, html: bool) -> ImmutableSandboxedEnvironment:
    """An environment over these templates alone. ``html`` says whether what is printed is escaped."""

    def load(name: str) -> tuple[str, str, Any] | None:
        return (texts[name], _ORIGIN + name, lambda: True) if name in texts else None

    env = _Environment(
        loader=jinja2.FunctionLoader(load),
        autoescape=html,
        undefined=jinja2.StrictUndefined,
        finalize=_printed,
        auto_reload=False,
        # In plain text a line break is content, so a line that holds a statement alone leaves none.
        trim_blocks=not html,
        lstrip_blocks=not html,
        keep_trailing_newline=True,
    )
    env.filters = {name: env.filters[name] for name in _FILTERS} | {
        "wrap": filters.wrap,
        "plain": filters.plain,
        "attribute": filters.attribute,
    }
    env.globals = {name: env.globals[name] for name in _GLOBALS}
    return env


def failed_at(traceback: TracebackType | None) -> tuple[str, int]:
    """The template and the line in it where rendering failed; empty and 0 where it was in none."""
    found = ("", 0)
    while traceback is not None:
        if (name := traceback.tb_frame.f_code.co_filename).startswith(_ORIGIN):
            found = name.removeprefix(_ORIGIN), traceback.tb_lineno
        traceback = traceback.tb_next
    return found


def examine(
    env: jinja2.Environment, source: Source, masked: Masked, words: frozenset[str], *, slots: bool
) -> list[Reference]:
    """Reads a template and raises `TemplateError` at the first thing that is wrong; gives what it refers to.

    ``words`` are its variables; ``slots`` says whether slots may stand in it: not where another template imports it.
    """
    fail = partial(_error, source, masked)
    try:
        tree = env.parse(source.text)
    except jinja2.TemplateSyntaxError as error:
        raise fail(f"{error.message}: correct the Jinja here", error.lineno) from None
    _Slots(fail).walk(tree, allowed=slots)
    for kind, names in ((nodes.Filter, env.filters), (nodes.Test, env.tests)):
        for node in tree.find_all(kind):
            if node.name not in names:
                what = "filter" if kind is nodes.Filter else "test"
                raise fail(f'There is no {what} "{node.name}"{_instead(node.name, names)}', node.lineno)
    if isinstance(scope := next(tree.find_all(nodes.ScopedEvalContextModifier), None), nodes.Node):
        raise fail("{% autoescape %} cannot be changed: what is safe HTML comes as such, so take it out", scope.lineno)
    known = words | set(env.globals)
    for name in sorted(find_undeclared_variables(tree) - known):
        line = min(node.lineno for node in tree.find_all(nodes.Name) if node.name == name)
        raise fail(f'There is no "{name}"{_instead(name, known | _assigned(tree))}', line)
    for getattr_node in tree.find_all(nodes.Getattr):
        _known_field(fail, getattr_node)
    return _references(fail, tree)


class _Slots:
    """Finds slots that are looked at instead of printed."""

    def __init__(self, fail: partial[TemplateError]) -> None:
        self.fail = fail

    def walk(self, node: nodes.Node, *, allowed: bool) -> None:
        """``allowed``: what is printed by this node reaches the page and nothing else."""
        if isinstance(node, nodes.Name) and node.name in ("slot", "slot_url"):
            raise self.fail(
                f"{node.name}() may only stand alone, as {{{{ {node.name}(…) }}}}: "
                "to show something to some readers only, make them a segment",
                node.lineno,
            )
        for part, child in _children(node):
            if part == "nodes" and isinstance(node, nodes.Output) and allowed and self._is_call(child):
                self._call(child)
            else:
                passes = isinstance(
                    node, nodes.Template | nodes.If | nodes.For | nodes.With | nodes.Output | nodes.Scope
                )
                printed = part in ("body", "elif_", "else_", "nodes") and not (
                    isinstance(node, nodes.For) and node.recursive
                )
                self.walk(child, allowed=allowed and passes and printed)

    @staticmethod
    def _is_call(node: nodes.Node) -> bool:
        return (
            isinstance(node, nodes.Call)
            and isinstance(node.node, nodes.Name)
            and node.node.name in ("slot", "slot_url")
        )

    def _call(self, call: nodes.Node) -> None:
        assert isinstance(call, nodes.Call)
        assert isinstance(call.node, nodes.Name)
        function = call.node.name
        names = [name for name in SLOTS if name.endswith("_url") == (function == "slot_url")]
        name = call.args[0] if call.args else None
        if not isinstance(name, nodes.Const) or name.value not in names:
            raise self.fail(
                f"{function}() takes one of: write {{{{ {function}('{names[0]}') }}}}, or {', '.join(names)}",
                call.lineno,
            )
        known = {"before", "after", "fallback"} if function == "slot" else set()
        wrong = [k.key for k in call.kwargs if k.key not in known]
        if len(call.args) > 1 or call.dyn_args or call.dyn_kwargs or wrong:
            raise self.fail(
                f"{function}() takes {', '.join(['a name', *sorted(known)])}, the latter by their names", call.lineno
            )
        for keyword in call.kwargs:
            self.walk(keyword, allowed=False)


def _children(node: nodes.Node) -> Iterable[tuple[str, nodes.Node]]:
    for part, value in node.iter_fields():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, nodes.Node):
                yield part, child


def _known_field(fail: partial[TemplateError], node: nodes.Getattr) -> None:
    owner = node.node
    if isinstance(owner, nodes.Name) and owner.name in _VIEWS:
        view, kind = _VIEWS[owner.name], owner.name
    elif (
        isinstance(owner, nodes.Getattr)
        and isinstance(owner.node, nodes.Name)
        and owner.node.name in _VIEWS
        and owner.attr in _PARTS
    ):
        view, kind = _PARTS[owner.attr], f"{owner.node.name}.{owner.attr}"
    else:
        return
    fields = {field.name for field in dataclasses.fields(view)}
    fields |= {name for name, value in vars(view).items() if isinstance(value, property)}
    if node.attr not in fields:
        raise fail(f'{kind} has no "{node.attr}"{_instead(node.attr, fields)}', node.lineno)


def _references(fail: partial[TemplateError], tree: nodes.Template) -> list[Reference]:
    found = []
    for node in tree.find_all((nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends)):
        if isinstance(node, nodes.Extends):
            raise fail("{% extends %} cannot work with MJML: write <mj-include> or {% include %}", node.lineno)
        assert isinstance(node, nodes.Import | nodes.FromImport | nodes.Include)
        if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
            raise fail(
                'The name of a template must stand there in words: write {% include "partials/name.html" %}',
                node.lineno,
            )
        name = node.template.value
        missing = fail(
            f'There is no "{name}" to use here: write the path of a file, from the template folder on', node.lineno
        )
        found.append(Reference(name, isinstance(node, nodes.Include), missing))
    return found


def _assigned(tree: nodes.Template) -> set[str]:
    return {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}


def _instead(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f": write {close[0]}" if close else f": write one of {', '.join(sorted(known))}"


def _error(source: Source, masked: Masked, message: str, line: int) -> TemplateError:
    start = 0
    for _ in range(line - 1):
        start = source.text.index("\n", start) + 1
    end = source.text.find("\n", start)
    # An include may begin in the middle of the line: the first Jinja on it tells the file.
    spans = masked.within(start, end if end >= 0 else len(source.text))
    return source.error(re.sub(r"\s+", " ", message), spans[0].start if spans else start)
