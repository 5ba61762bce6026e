"""What is wrong with a template is said once, at load, with the file, the line, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.errors import TemplateError
from newsletter.rendering.page import TemplateSet
from tests.unit.rendering_support import PAGE, make


def refused(folder: Path) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        TemplateSet.load(folder)
    return caught.value


COLUMN_CASES = {
    "unknown attribute": (
        '<mj-text colour="red">a</mj-text>',
        '<mj-text> unknown attribute "colour" (did you mean color?)',
    ),
    "unknown element": ("<mj-txt>a</mj-txt>", "Unknown element <mj-txt> (did you mean mj-text?)"),
    "wrong parent": ("<mj-section></mj-section>", "<mj-section> cannot stand in <mj-column>: put it into <mj-body>"),
    "wrong value": ('<mj-text font-size="big">a</mj-text>', 'font-size="big" will not do: write pixels'),
    "wrong word": ('<mj-text align="centre">a</mj-text>', "write one of left, right, center, justify"),
    "twice": ('<mj-text color="#111111" color="#222222">a</mj-text>', '"color" twice'),
    "two classes": ('<mj-text mj-class="a b">a</mj-text>', "several mj-class"),
    "unknown class": ('<mj-text mj-class="quiet">a</mj-text>', 'There is no mj-class "quiet"'),
    "wrong end": ("<mj-text><b>a</i></mj-text>", "</i> stands where </b> must, for <b> in page.mjml:6"),
    "never closed": ("<mj-text><p>a</mj-text>", "</mj-text> stands where </p> must"),
    "block in link": ('<mj-raw><a href="#x"><table></table></a></mj-raw>', "<table> stands in <a>"),
    "block deep in link": ('<mj-raw><a href="#x"><b><div></div></b></a></mj-raw>', "<div> stands in <a>"),
    "block in paragraph": ("<mj-text><p><div></div></p></mj-text>", "<div> stands in <p>"),
    "less than": ("<mj-text>1 < 2</mj-text>", "write &lt;"),
    "script": ("<mj-raw><script>x</script></mj-raw>", "<script> has no place in a mail"),
    "link": ('<mj-raw><link rel="stylesheet" href="https://x.example/a.css"></mj-raw>', "never loaded"),
    "handler": ('<mj-raw><b onclick="x">a</b></mj-raw>', '"onclick"'),
    "words": ("some words", "Words between elements of <mj-column>"),
    "html in column": ("<p>a</p>", "<p> is HTML"),
    "doctype": ("<!DOCTYPE html>", "take it out"),
    "cdata": ("<mj-raw><![CDATA[x]]></mj-raw>", "take it out"),
    "comment": ("<!-- a", "never closed"),
    "jinja in comment": ("<!-- {{ edition.briefing }} -->", "write {# … #}"),
    "jinja as name": ("<{{ edition.briefing }}>a</mj-text>", "Jinja cannot make the name of a tag"),
    "jinja in name": ("<mj-{{ edition.briefing }}>a</mj-text>", "Jinja cannot make the name of a tag"),
    "jinja between attributes": ("<mj-text {{ edition.key }}>a</mj-text>", "outside of an attribute's value"),
    "jinja in width": (
        '<mj-image src="https://x.example/a.png" width="{{ edition.minutes }}px" />',
        "widths are made from it",
    ),
    "content where none is": ("<mj-spacer>{{ edition.briefing }}</mj-spacer>", "<mj-spacer> holds nothing"),
    "jinja never closed": ("<mj-text>{{ edition.briefing </mj-text>", "never closed: write }}"),
    "jinja string never closed": (
        "<mj-text>{{ 'a }}</mj-text>",
        "string in this Jinja expression is never closed: write '",
    ),
    "jinja raw": ("{% raw %}{% endraw %}", "{% raw %} cannot stand here"),
    "jinja syntax": ("<mj-text>{{ edition. }}</mj-text>", "expected name or number"),
    "jinja end": ("{% endif %}", "Encountered unknown tag 'endif'"),
    "jinja no end": ("{% if edition.key %}", "Unexpected end of template"),
    "jinja across elements": (
        "{% if edition.key %}<mj-text>a{% endif %}</mj-text>",
        "stands in another element than {% if %} in page.mjml:6",
    ),
    "undefined name": ("<mj-text>{{ editon.key }}</mj-text>", 'There is no "editon": write edition'),
    "undefined field": ("<mj-text>{{ edition.titel }}</mj-text>", 'edition has no "titel"'),
    "undefined field below": (
        "<mj-text>{{ edition.publication.nam }}</mj-text>",
        'edition.publication has no "nam": write name',
    ),
    "undefined story field": (
        "{% for s in edition.stories %}<mj-text>{{ s.headlin }}</mj-text>{% endfor %}",
        "'StoryView object' has no attribute 'headlin'",
    ),
    "unknown filter": ("<mj-text>{{ edition.key | uper }}</mj-text>", 'There is no filter "uper": write upper'),
    "safe": ("<mj-text>{{ edition.key | safe }}</mj-text>", 'There is no filter "safe"'),
    "random": ("<mj-text>{{ [1, 2] | random }}</mj-text>", 'There is no filter "random"'),
    "unknown test": ("<mj-text>{{ 1 is prim }}</mj-text>", 'There is no test "prim"'),
    "autoescape": ("{% autoescape false %}{% endautoescape %}", "{% autoescape %} cannot be changed"),
    "none printed": ("<mj-text>{{ edition.stories[0].image }}{{ none }}</mj-text>", "this is None"),
    "sandbox": ("<mj-text>{{ edition.__class__.__mro__ }}</mj-text>", '"__class__"'),
    "sandbox below": ("<mj-text>{{ edition.key.__class__ }}</mj-text>", "unsafe"),
    "extends": ('{% extends "a.html" %}', "{% extends %} cannot work with MJML"),
    "import missing": ('{% import "a.html" as a %}', 'There is no "a.html"'),
    "import outside": ('{% import "../a.html" as a %}', 'There is no "../a.html"'),
    "import computed": ("{% import edition.key as a %}", "must stand there in words"),
    "include missing": ('<mj-include path="a.mjml" />', 'There is no "a.mjml"'),
    "include outside": ('<mj-include path="../other/a.mjml" />', "leads out of the template folder"),
    "include absolute": ('<mj-include path="/etc/passwd" />', "leads out of the template folder"),
    "include css": ('<mj-include path="a.css" type="css" />', "takes a path alone"),
    "include computed": ('<mj-include path="{{ edition.key }}" />', "needs a path that stands there in words"),
    "font": ('<mj-font name="X" href="https://x.example/f.css" />', "<mj-font> is not supported"),
    "social by name": (
        '<mj-social><mj-social-element name="facebook" href="https://x.example/" /></mj-social>',
        "loads an icon from elsewhere",
    ),
    "relative link": ('<mj-raw><a href="/archive">a</a></mj-raw>', "write a whole http, https or mailto URL"),
    "javascript link": (
        '<mj-button href="javascript:alert(1)">a</mj-button>',
        "write a whole http, https or mailto URL",
    ),
    "control character": ("<mj-text>a\x92b</mj-text>", "is a control character"),
    "control reference": ("<mj-text>a&#146;b</mj-text>", "is a control character"),
}


@pytest.mark.parametrize(("body", "said"), COLUMN_CASES.values(), ids=COLUMN_CASES)
def test_says_what_is_wrong_and_where(tmp_path: Path, body: str, said: str) -> None:
    """Each mistake on line 6 of the page is one error that names page.mjml and says what it is."""
    error = refused(make(tmp_path, body))
    assert said in error.message
    assert error.path is not None
    assert Path(error.path).name == "page.mjml"
    if "URL" not in said:
        assert error.line == 6


INCLUDED_CASES = {name: case for name, case in COLUMN_CASES.items() if not name.startswith("include")}


@pytest.mark.parametrize(("body", "said"), INCLUDED_CASES.values(), ids=INCLUDED_CASES)
def test_says_where_in_an_included_file(tmp_path: Path, body: str, said: str) -> None:
    """The same mistake in an included file names that file and its own line, after lines of Jinja and an include before."""
    before = "{# one\ntwo #}\n{% set a = {'b': {}} %}\n<mj-include path=\"quiet.mjml\" />\n"
    include = '<mj-include path="parts/wrong.mjml" />'
    error = refused(
        make(tmp_path, include, parts___wrong__mjml=before + body, parts___quiet__mjml="<mj-text>\n\n</mj-text>\n")
    )
    assert said.replace("page.mjml:6", "parts/wrong.mjml:5") in error.message
    if "URL" in said or "Unexpected end" in said:
        return
    assert Path(str(error.path)).name == "wrong.mjml"
    assert error.line == 5


SLOT_CASES = {
    "if": "{% if slot('first_name') %}{% endif %}",
    "inline if": "{{ 'a' if slot('first_name') }}",
    "chosen": "{{ slot('first_name') if edition.key }}",
    "set": "{% set a = slot('first_name') %}",
    "alias": "{% set a = slot %}{{ a('first_name') }}",
    "for": "{% for a in slot('first_name') %}{% endfor %}",
    "filter": "{{ slot('first_name') | upper }}",
    "filter block": "{% filter upper %}{{ slot('first_name') }}{% endfilter %}",
    "set block": "{% set a %}{{ slot('first_name') }}{% endset %}",
    "macro": "{% macro a() %}{{ slot('first_name') }}{% endmacro %}",
    "call": "{% macro a() %}{{ caller() }}{% endmacro %}{% call a() %}{{ slot('first_name') }}{% endcall %}",
    "argument": "{% macro a(b) %}{{ b }}{% endmacro %}{{ a(slot('first_name')) }}",
    "concatenation": "{{ 'a' ~ slot('first_name') }}",
    "sum": "{{ 'a' + slot('first_name') }}",
    "comparison": "{{ slot('first_name') == 'Rita' }}",
    "test": "{{ slot('first_name') is string }}",
    "attribute": "{{ slot('first_name').upper() }}",
    "in a slot": "{{ slot('first_name', before=slot('first_name')) }}",
    "url": "{% if slot_url('view_url') %}{% endif %}",
    "with": "{% with a = slot('first_name') %}{% endwith %}",
    "recursive": "{% for a in [] recursive %}{{ slot('first_name') }}{% endfor %}",
    "assigned": "{% set slot = 1 %}",
    "block": "{% block a %}{{ slot('first_name') }}{% endblock %}",
}


@pytest.mark.parametrize("body", SLOT_CASES.values(), ids=SLOT_CASES)
def test_a_template_that_looks_at_the_reader_is_refused(tmp_path: Path, body: str) -> None:
    error = refused(make(tmp_path, f"<mj-raw>{body}</mj-raw>"))
    assert "make them a segment" in error.message
    assert (Path(str(error.path)).name, error.line) == ("page.mjml", 6)


@pytest.mark.parametrize("body", SLOT_CASES.values(), ids=SLOT_CASES)
def test_a_text_template_that_looks_at_the_reader_is_refused(tmp_path: Path, body: str) -> None:
    error = refused(make(tmp_path, page__txt="{{ edition.key }}\n\n" + body))
    assert "make them a segment" in error.message
    assert (Path(str(error.path)).name, error.line) == ("page.txt", 3)


@pytest.mark.parametrize(
    "call",
    ["slot('name')", "slot('view_url')", "slot_url('first_name')", "slot()", "slot(edition.key)", "slot('first_name', ', ')",
     "slot('first_name', befor=', ')", "slot_url('view_url', before='x')", "slot(*['first_name'])"],
)  # fmt: skip
def test_a_slot_takes_a_known_name(tmp_path: Path, call: str) -> None:
    error = refused(make(tmp_path, "<mj-text>{{ " + call + " }}</mj-text>"))
    assert "takes" in error.message
    assert error.line == 6


PLACES = {
    "style": "<p style=\"color: {{ slot('first_name') }}\">a</p>",
    "link of words": "<a href=\"{{ slot('first_name') }}\">a</a>",
    "style sheet": "<style>.a { color: {{ slot('first_name') }} }</style>",
}


@pytest.mark.parametrize("body", PLACES.values(), ids=PLACES)
def test_a_slot_where_no_encoding_is_safe_is_refused(tmp_path: Path, body: str) -> None:
    error = refused(make(tmp_path / "a", f"<mj-raw>{body}</mj-raw>"))
    assert (Path(str(error.path)).name, error.line) == ("page.mjml", 6)
    included = refused(make(tmp_path / "b", '<mj-include path="a.mjml" />', a__mjml=f"\n<mj-raw>{body}</mj-raw>"))
    assert (Path(str(included.path)).name, included.line) == ("a.mjml", 2)


def test_an_imported_file_has_no_slots(tmp_path: Path) -> None:
    """What a file prints when it is imported can be looked at, so no slot may stand in it; in an included one it may."""
    files = {"part__html": "\n{{ slot('first_name') }}\n"}
    error = refused(make(tmp_path / "a", '{% import "part.html" as part %}', **files))
    assert (Path(str(error.path)).name, error.line) == ("part.html", 2)
    TemplateSet.load(make(tmp_path / "b", '<mj-text>{% include "part.html" %}</mj-text>', **files))


def test_an_error_in_a_file_of_html_has_its_line(tmp_path: Path) -> None:
    call = '{% from "part.html" import part %}<mj-raw>{{ part(edition.stories[0]) }}</mj-raw>'
    macro = '{{% macro part(s) %}}\n<p title="{{{{ s.headline }}}}">\n{}</p>{{% endmacro %}}'
    wrong = refused(make(tmp_path / "a", call, part__html=macro.format("{{ s.heading }}")))
    assert (Path(str(wrong.path)).name, wrong.line) == ("part.html", 3)
    split = refused(make(tmp_path / "b", call, part__html=macro.format("<div></div>")))
    assert (Path(str(split.path)).name, split.line) == ("part.html", 3)
    bare = refused(make(tmp_path / "c", call, part__html=macro.format("<b title={{ s.headline }}></b>")))
    assert "is not quoted" in bare.message


def test_an_error_at_render_has_the_line_of_the_template(tmp_path: Path) -> None:
    """What only shows on an edition is found by a specimen at load, on the line where it stands, not that of the artefact."""
    body = "<mj-text>a\n{{ edition.key }} {{ edition.minutes\n + 'x' }}</mj-text>"
    error = refused(make(tmp_path, body))
    assert "unsupported operand" in error.message
    assert error.line in (7, 8)


def test_a_template_must_stand_a_bare_story(tmp_path: Path) -> None:
    """A story may have no picture: a template that counts on one is refused before the morning on which there is none."""
    error = refused(make(tmp_path, "<mj-text>{{ edition.lead.image.url }}</mj-text>"))
    assert "'None' has no attribute 'url'" in error.message
    assert error.line == 6


@pytest.mark.parametrize(
    ("css", "line", "said"),
    [
        ("p { margin: 0; }\n@media print { p { margin: 0; } }", 2, "put it into <mj-style>"),
        ("\n@import 'https://x.example/a.css';", 2, "put it into <mj-style>"),
        ("p { margin: 0 }\n\na:hover { color: red }", 3, "a:hover cannot be written"),
        ("p { margin: 0 }\n\n* { color: red }", 3, "* cannot be written"),
        ("p { color: red !important }", 1, "!important on color does nothing"),
        ("p { margin: 0 }\nh1 { color red }", 2, "cannot be read"),
        ("p { margin: 0 }\nh1 { color: red", None, ""),
    ],
)  # fmt: skip
def test_content_css_holds_what_can_be_written_onto_elements(
    tmp_path: Path, css: str, line: int | None, said: str
) -> None:
    if line is None:
        TemplateSet.load(make(tmp_path, content__css=css))
        return
    error = refused(make(tmp_path, content__css=css))
    assert said in error.message
    assert (Path(str(error.path)).name, error.line) == ("content.css", line)


@pytest.mark.parametrize("name", ["page.mjml", "content.css", "page.txt"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (make(tmp_path) / name).unlink()
    assert f"There is no {name}" in refused(tmp_path).message


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "no such template folder" in refused(tmp_path / "none").message


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (make(tmp_path) / "page.txt").write_bytes(b"caf\xe9")
    assert "Byte 3 is not UTF-8" in refused(tmp_path).message


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside.mjml"
    outside.write_text("<mj-text>a</mj-text>")
    folder = make(tmp_path / "set", '<mj-include path="inside.mjml" />')
    (folder / "inside.mjml").symlink_to(outside)
    assert "leads out of the template folder" in refused(folder).message


def test_an_include_stands_relative_to_the_file_that_includes(tmp_path: Path) -> None:
    files = {"parts___a__mjml": '\n<mj-include path="b.mjml" />', "parts___b__mjml": '<mj-include path="../c.mjml" />'}
    TemplateSet.load(
        make(tmp_path / "a", '<mj-include path="parts/a.mjml" />', c__mjml="<mj-text>c</mj-text>", **files)
    )
    missing = refused(
        make(tmp_path / "b", '<mj-include path="parts/a.mjml" />', parts___a__mjml=files["parts___a__mjml"])
    )
    assert 'There is no "parts/b.mjml"' in missing.message
    assert (Path(str(missing.path)).name, missing.line) == ("a.mjml", 2)
    outside = refused(
        make(tmp_path / "c", '<mj-include path="parts/a.mjml" />', parts___a__mjml='<mj-include path="../../c.mjml" />')
    )
    assert "leads out of the template folder" in outside.message


def test_a_section_from_an_include_keeps_its_width(tmp_path: Path) -> None:
    page = '<mjml lang="en" dir="ltr"><mj-body><mj-include path="section.mjml" /></mj-body></mjml>'
    section = "<mj-section><mj-column><mj-text>a</mj-text></mj-column></mj-section>"
    html = TemplateSet.load(make(tmp_path, page__mjml=page, section__mjml=section)).artefact.html
    assert "max-width:600px" in html


def test_jinja_that_mjml_drops_is_named(tmp_path: Path) -> None:
    """A default of an element that the page does not have would vanish without a word."""
    head = '<mj-head><mj-attributes>\n<mj-hero background-color="{{ edition.publication.accent }}" /></mj-attributes></mj-head><mj-body>'
    error = refused(make(tmp_path, page__mjml=PAGE.replace("BODY", "").replace("<mj-body>", head)))
    assert "MJML drops {{ edition.publication.accent }}" in error.message
    assert error.line == 3


def test_a_byte_of_mrml_is_a_line_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """mrml counts bytes of what it was given, not characters of what a person wrote."""

    def fails(text: str, **_: object) -> str:
        at = len(text[: text.index("<b>")].encode())
        raise ValueError(f"unexpected token in root template at position {at}:{at + 3}")

    monkeypatch.setattr("newsletter.rendering.mjml.mjml2html", fails)
    body = '<mj-text>{# long comment #}ééé —\n{{ edition.key }}</mj-text>\n<mj-include path="a.mjml" />'
    error = refused(make(tmp_path, body, a__mjml="\n<mj-text>\n<b>x</b></mj-text>"))
    assert "unexpected token" in error.message
    assert (Path(str(error.path)).name, error.line) == ("a.mjml", 3)


def test_includes_that_go_round_are_refused(tmp_path: Path) -> None:
    again = '<mj-text>a</mj-text>\n<mj-include path="{}.mjml" />'
    error = refused(
        make(tmp_path, '<mj-include path="a.mjml" />', a__mjml=again.format("b"), b__mjml=again.format("a"))
    )
    assert "page.mjml → a.mjml → b.mjml → a.mjml" in error.message
    assert (Path(str(error.path)).name, error.line) == ("b.mjml", 2)


def chain(length: int) -> dict[str, str]:
    return {f"a{n}__mjml": f'<mj-include path="a{n + 1}.mjml" />' for n in range(length)} | {
        f"a{length}__mjml": "<mj-text>end</mj-text>"
    }


def test_includes_go_eight_deep_and_no_deeper(tmp_path: Path) -> None:
    """page.mjml is the first of the eight."""
    TemplateSet.load(make(tmp_path / "a", '<mj-include path="a0.mjml" />', **chain(6)))
    error = refused(make(tmp_path / "b", '<mj-include path="a0.mjml" />', **chain(7)))
    assert "more than 8 deep" in error.message
    assert Path(str(error.path)).name == "a6.mjml"


def test_jinja_includes_that_go_round_are_refused(tmp_path: Path) -> None:
    error = refused(make(tmp_path, '<mj-text>{% include "a.html" %}</mj-text>', a__html='{% include "a.html" %}'))
    assert "without end" in error.message
    assert Path(str(error.path)).name == "a.html"


def test_many_includes_of_many_includes_are_refused(tmp_path: Path) -> None:
    """Seven files that include each other forty times over would be 40⁷ copies: the length is bounded."""
    files = {f"a{n}__mjml": f'<mj-include path="a{n + 1}.mjml" />\n' * 40 for n in range(6)} | {
        "a6__mjml": f"<mj-text>{'word ' * 50}</mj-text>"
    }
    assert "longer than 1 MB" in refused(make(tmp_path, '<mj-include path="a0.mjml" />', **files)).message


def test_elements_go_sixty_deep_and_no_deeper(tmp_path: Path) -> None:
    """mjml, mj-body, mj-section, mj-column and mj-text are five of the sixty."""
    TemplateSet.load(make(tmp_path / "a", f"<mj-text>{'<b>' * 55}x{'</b>' * 55}</mj-text>"))
    error = refused(make(tmp_path / "b", f"<mj-text>{'<b>' * 56}x{'</b>' * 56}</mj-text>"))
    assert "more than 60 deep" in error.message
    assert error.line == 6


def test_a_second_class_of_the_same_name_is_refused(tmp_path: Path) -> None:
    head = '<mj-head><mj-attributes>\n<mj-class name="a" color="#111111" />\n<mj-class name="a" color="#222222" />\n</mj-attributes></mj-head><mj-body>'
    error = refused(make(tmp_path, page__mjml=PAGE.replace("BODY", "").replace("<mj-body>", head)))
    assert 'A second mj-class "a"' in error.message
    assert error.line == 4


def test_a_page_says_its_language(tmp_path: Path) -> None:
    error = refused(make(tmp_path, page__mjml=PAGE.replace("BODY", "").replace(' lang="en"', "")))
    assert 'write <mjml lang="{{ edition.language }}"' in error.message
    assert error.line == 1


@pytest.mark.parametrize("page", ["", "words", "<mj-body></mj-body>", "<html></html>", "{{ edition.key }}", '<mjml lang="en" dir="ltr"></mjml>',
                                  '<mjml lang="en" dir="ltr"><mj-body></mj-body></mjml><mjml lang="en" dir="ltr"></mjml>',
                                  '{{ edition.key }}<mjml lang="en" dir="ltr"><mj-body></mj-body></mjml>'])  # fmt: skip
def test_a_page_that_is_no_mjml_is_refused(tmp_path: Path, page: str) -> None:
    assert Path(str(refused(make(tmp_path, page__mjml=page)).path)).name == "page.mjml"


def test_a_template_is_compiled_once_per_version(tmp_path: Path) -> None:
    """The same files give the same set; a changed file, whatever file, another version."""
    folder = make(tmp_path)
    first = TemplateSet.load(folder)
    assert TemplateSet.load(folder) is first
    (folder / "page.txt").write_text("{{ edition.key }}\n")
    assert TemplateSet.load(folder).version != first.version
