"""The compiler under the templates: what it is, what it must never be given, and how Jinja is hidden from it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import jinja2
import mjml
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import TemplateError
from newsletter.rendering.grammar import DEEPEST_ELEMENT
from newsletter.rendering.mjmlrules import ATTRIBUTES, CHILDREN, complaint, types
from newsletter.rendering.page import TemplateSet
from newsletter.rendering.shield import mask
from newsletter.rendering.source import Files, Source, whole
from tests.unit.rendering_support import make

ROOT = Path(__file__).parents[2]


def source(text: str) -> Source:
    return whole(Files(Path("set"), {"page.mjml": text}), "page.mjml")


def test_the_compiler_is_mjml_python() -> None:
    assert list(inspect.signature(mjml.mjml2html).parameters) == [
        "input",
        "disable_comments",
        "social_icon_origin",
        "fonts",
        "include_loader",
    ]


def test_another_package_of_that_name_is_refused() -> None:
    """The PyPI package mjml has the same import name; which one is installed is looked at on import."""
    script = "import sys, types; m = types.ModuleType('mjml'); m.mjml2html = lambda text: text; sys.modules['mjml'] = m; import newsletter.rendering.mjml"
    out = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert out.returncode == 1
    assert "uninstall the package mjml, reinstall mjml-python" in out.stderr


def test_mrml_still_writes_attributes_as_debug_strings() -> None:
    """If this fails, mrml was mended: the guard's references are then needless, though harmless."""
    out = mjml.mjml2html('<mjml><mj-body><mj-raw><p title="a\u00a0b">c</p></mj-raw></mj-body></mjml>', fonts={})
    assert 'title="a\\u{a0}b"' in out


def test_a_panic_of_the_compiler_is_an_error_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This very input makes mrml panic, with what is no Exception; whatever else does is refused in the same way."""
    panics = "<mjml><mj-body><mj-raw>“></mj-raw></mj-body></mjml>"
    with pytest.raises(BaseException, match="char boundary") as caught:
        mjml.mjml2html(panics, fonts={})
    assert not isinstance(caught.value, Exception)
    compile_it = mjml.mjml2html
    monkeypatch.setattr("newsletter.rendering.mjml.mjml2html", lambda _, **__: compile_it(panics))
    with pytest.raises(TemplateError, match=r"page\.mjml:1: MJML cannot be read: .* char boundary"):
        TemplateSet.load(make(tmp_path, "<mj-text>a</mj-text>"))


def test_mrml_still_loses_the_width_of_included_sections() -> None:
    """If this fails, mrml was mended: includes could be left to it."""
    out = mjml.mjml2html(
        '<mjml><mj-body><mj-include path="a" /></mj-body></mjml>', fonts={},
        include_loader=lambda _: "<mj-section><mj-column></mj-column></mj-section>",
    )  # fmt: skip
    assert "max-width:600px" not in out


HOSTILE = {
    "b": '"<mj-text>" + "<b>" * 200000 + "x" + "</b>" * 200000 + "</mj-text>"',
    "unclosed": '"<mj-text>" + "<b>" * 200000',
    "mj": '"<mj-wrapper>" * 200000',
    "comments": '"<!--" * 200000',
    "less": '"<" * 400000',
    "braces": '"{{" * 200000',
    "brackets": '"{{" + "[" * 200000',
    "attributes": '"<mj-text " + "a=b " * 100000 + ">x</mj-text>"',
    "quotes": '"<mj-text a=" + chr(34) * 99999',
    "jinja": '"{% if 1 %}" * 20000',
    "parentheses": '"<mj-text>{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}</mj-text>"',
    "sum": '"<mj-text>{{ " + "1+" * 20000 + "1 }}</mj-text>"',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_template_is_an_error_and_not_the_end_of_the_process(tmp_path: Path, text: str) -> None:
    """mrml ends the process without an exception when elements are nested some thousand deep."""
    script = f"""
import sys
from pathlib import Path
from newsletter.errors import TemplateError
from newsletter.rendering.page import TemplateSet
sys.path.insert(0, {str(ROOT)!r})
from tests.unit.rendering_support import make
try:
    TemplateSet.load(make(Path({str(tmp_path)!r}), {text}))
except TemplateError as error:
    print("refused", error.line, len(str(error)) < 1000)
"""
    out = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (out.returncode, out.stdout.split()[::2]) == (0, ["refused", "True"]), out.stderr[-500:]


def test_mrml_stands_what_the_limit_lets_through_on_a_small_stack() -> None:
    """Sixty elements deep compile on a thread with 128 KB of stack, the least that a platform gives."""
    script = f"""
import threading, mjml
threading.stack_size(128 * 1024)
text = "<mjml><mj-body><mj-section><mj-column><mj-text>" + "<b>" * {DEEPEST_ELEMENT - 5} + "x" + "</b>" * {DEEPEST_ELEMENT - 5}
text += "</mj-text></mj-column></mj-section></mj-body></mjml>"
thread = threading.Thread(target=lambda: print(len(mjml.mjml2html(text, fonts={{}}))))
thread.start(); thread.join()
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert out.returncode == 0
    assert int(out.stdout) > 1000


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    " if a ",
    " endif ",
    "a",
    "'",
    '"',
    "{",
    "{{ a }}",
    "{{ {1: {2: '}}'}} }}",
    "{% set a = 1 %}",
    "{{ 5 %}",
    "%}}",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\\",
    "-",
    " ",
    "\n",
    "<b>",
    "1",
    ":",
    ",",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_jinja_is_found_where_jinja_finds_it(text: str) -> None:
    """What Jinja's own lexer accepts we cut at the same places; what it does not is an error, ours or Jinja's."""
    env = jinja2.Environment(keep_trailing_newline=True)
    try:
        lexed = list(env.lex(text))
        masked = mask(source(text))
    except jinja2.TemplateSyntaxError:
        return
    except TemplateError:
        if text.endswith(("{#", "{#-")):
            return  # Jinja lets a comment that has only begun pass at the very end.
        with pytest.raises(jinja2.TemplateSyntaxError):
            env.parse(text)
        return
    starts = [value[:2] for _, kind, value in lexed if kind in ("variable_begin", "block_begin", "comment_begin")]
    assert [span.kind for span in masked.spans] == starts
    assert (
        "".join(s.text for s in masked.spans) in "".join(value for _, kind, value in lexed if kind != "data")
        or "-" in text
    )
    assert len(masked.text) == len(text)
    assert masked.text.count("\n") == text.count("\n")


@pytest.mark.parametrize("text", ["{{ 'a }}", '{{ "}}', "{{ (", "{% if", "{# x", "{{", "{{ a }"])
def test_jinja_that_is_not_closed_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match=r"^set/page\.mjml:2: .* is never closed"):
        mask(source("\n" + text))


@pytest.mark.parametrize("text", ["{{ " + "(" * 60 + "1" + ")" * 60 + " }}", "{% if 1 %}" * 20 + "{% endif %}" * 20])
def test_jinja_is_not_nested_without_end(text: str) -> None:
    with pytest.raises(TemplateError, match=r"^set/page\.mjml:2: .* deep"):
        mask(source("\n" + text))


def test_the_tables_agree_with_themselves() -> None:
    for parent, children in CHILDREN.items():
        assert {parent, *children} <= set(ATTRIBUTES)
    for element in ATTRIBUTES:
        for kind in types(element).values():
            assert complaint(kind, "\n@") or kind == "string"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("lengths", "0 24px 1.5% 0", "0 24"), ("px", "12px", "12"), ("line", "1.5", "big"), ("color", "#fff", "#ffff"), ("color", "rgb(1, 2, 3)", "1"),
        ("left|right", "left", "centre"), ("integer", "3", "3.5"), ("spacing", "-0.5px", "1%"), ("length|auto", "auto", "12em"), ("boolean", "true", "yes"),
    ],
)  # fmt: skip
def test_values_are_held_against_their_type(kind: str, good: str, bad: str) -> None:
    assert not complaint(kind, good)
    assert complaint(kind, bad)


@given(st.text(alphabet=st.sampled_from("<>/=\"'!-[]ab mj{}%#\n&"), max_size=60))
def test_any_markup_is_refused_or_compiled(tmp_path: Path, words: str) -> None:
    try:
        TemplateSet.load(make(tmp_path, f"<mj-raw><tr><td>{words}</td></tr></mj-raw>"))
    except TemplateError as error:
        refused = error
    else:
        return
    assert refused.path is not None
