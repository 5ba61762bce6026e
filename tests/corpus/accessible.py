"""Pages with one barrier each for readers who hear a mail or use no mouse, and pages that nearly have one."""

from __future__ import annotations

from tests.corpus.pages import FERRY, HARBOUR, PICTURES, page

_A = "https://courier.example.org/a"
_IMG = f'<img src="{PICTURES}harbour.jpg" width="300" {{}}>'
_TALL = f"<h1>Morning</h1><p>{HARBOUR}</p>"

BARRIERS: dict[str, tuple[str, str]] = {
    "no lang in the body": ("body-lang", page(_TALL).replace('<div lang="en" dir="ltr">', '<div dir="ltr">')),
    "no dir in the body": ("body-dir", page(_TALL).replace('<div lang="en" dir="ltr">', '<div lang="en">')),
    "no lang of the page": ("html-has-lang", page(_TALL).replace('<html lang="en"', "<html")),
    "a lang that is none": ("html-lang-valid", page(_TALL).replace('<html lang="en"', '<html lang="english language"')),
    "a lang with an underscore": ("html-lang-valid", page(_TALL).replace('<html lang="en"', '<html lang="en_US"')),
    "a lang inside that is none": ("valid-lang", page(_TALL + f'<p lang="frenchlike">{FERRY}</p>')),
    "no title": ("document-title", page(_TALL).replace("<title>Monday Briefing</title>", "")),
    "a table that is read out": ("table-role", page(_TALL + f"<table><tr><td>{FERRY}</td></tr></table>")),
    "no alt": ("image-alt", page(_TALL + _IMG.format(""))),
    "a picture that says it again": ("image-redundant-alt", page(_TALL + f'<p><a href="{_A}">{_IMG.format("alt=" + chr(34) + "The harbour" + chr(34))} The harbour</a></p>')),
    "a link without words": ("link-name", page(_TALL + f'<p><a href="{_A}"> </a></p>')),
    "a linked picture without words": ("link-name", page(_TALL + f'<p><a href="{_A}">{_IMG.format("alt=" + chr(34) * 2)}</a></p>')),
    "a link by colour alone": ("link-in-text-block", page(_TALL + f'<p>{FERRY} <a href="{_A}" style="color:#1a1a8a;text-decoration:none">All of it</a> and on.</p>')),
    "a link by colour in a list": ("link-in-text-block", page(_TALL + f'<ul><li>{FERRY} <a href="{_A}" style="color:#5a1a1a;text-decoration:none">All of it</a></li></ul>')),
    "no h1": ("page-has-heading-one", page(f"<h2>Morning</h2><p>{HARBOUR}</p>")),
    "a level left out": ("heading-order", page(_TALL + f"<h2>One</h2><h4>{FERRY}</h4>")),
    "an empty heading": ("empty-heading", page(_TALL + f"<h2> </h2><p>{FERRY}</p>")),
    "a list of paragraphs": ("list", page(_TALL + f"<ul><p>{FERRY}</p></ul>")),
    "an item alone": ("listitem", page(_TALL + f"<div><li>{FERRY}</li></div>")),
    "a list of definitions with a paragraph": ("definition-list", page(_TALL + f"<dl><dt>One</dt><dd>{FERRY}</dd><p>Two</p></dl>")),
    "a definition alone": ("dlitem", page(_TALL + f"<div><dd>{FERRY}</dd></div>")),
    "an area without words": ("area-alt", page(_TALL + f'<map name="m"><area shape="rect" coords="0,0,50,50" href="{_A}"></map>' + _IMG.format('alt="The harbour" usemap="#m"'))),
    "a role of a picture": ("role-img-alt", page(_TALL + '<div role="img" style="width:20px;height:20px">★</div>')),
    "a drawing without a name": ("svg-img-alt", page(_TALL + '<svg role="img" width="40" height="40"><rect width="40" height="40"/></svg>')),
    "a moving line": ("marquee", page(_TALL + f"<marquee>{FERRY}</marquee>")),
    "a field without a name": ("label", page(_TALL + '<form><input type="text" name="a"></form>')),
    "a choice without a name": ("select-name", page(_TALL + "<form><select><option>One</option></select></form>")),
    "a button without words": ("button-name", page(_TALL + "<button> </button>")),
    "a sender without words": ("input-button-name", page(_TALL + '<form><input type="submit" value=""></form>')),
    "a picture to press without words": ("input-image-alt", page(_TALL + f'<form><input type="image" src="{PICTURES}go.png"></form>')),
    "a frame without a title": ("frame-title", page(_TALL + '<iframe src="about:blank" width="100" height="50"></iframe>')),
    "no enlarging": ("meta-viewport", page(_TALL).replace("initial-scale=1", "initial-scale=1, user-scalable=no")),
    "hardly any enlarging": ("meta-viewport", page(_TALL).replace("initial-scale=1", "initial-scale=1, maximum-scale=1.0")),
    "goes on by itself": ("meta-refresh", page(_TALL, head='<meta http-equiv="refresh" content="30;url=https://courier.example.org">')),
    "out of turn": ("tabindex", page(_TALL + f'<p><a href="{_A}" tabindex="3">The whole story</a></p>')),
    "all hidden from screen readers": ("aria-hidden-body", page(_TALL).replace("<body", '<body aria-hidden="true"')),
    "a link hidden from screen readers": ("aria-hidden-focus", page(_TALL + f'<div aria-hidden="true"><a href="{_A}">The whole story</a></div>')),
    "an attribute that is none": ("aria-valid-attr", page(_TALL + f'<p aria-lable="Ferry">{FERRY}</p>')),
    "a role that is none": ("aria-roles", page(_TALL + f'<p role="artikel">{FERRY}</p>')),
    "a role that is undone": ("presentation-role-conflict", page(_TALL + f'<table role="presentation" aria-label="Ferry"><tr><td>{FERRY}</td></tr></table>')),
    "a scope that is none": ("scope-attr-valid", page(_TALL + '<table><tr><th scope="column">Town</th></tr><tr><td>Port Maren</td></tr></table>')),
    "an empty header": ("empty-table-header", page(_TALL + "<table><tr><th></th><th>Town</th></tr><tr><td>1</td><td>Port Maren</td></tr></table>")),
    "caption and summary alike": ("table-duplicate-name", page(_TALL + '<table summary="Votes"><caption>Votes</caption><tr><th>Town</th></tr><tr><td>Port Maren</td></tr></table>')),
    "headers of nowhere": ("td-headers-attr", page(_TALL + '<table><tr><th id="t">Town</th></tr><tr><td headers="x">Port Maren</td></tr></table>')),
    "VML without alt": ("vml-alt", page(_TALL + '<!--[if mso]><v:rect fill="true" stroke="false"><v:fill type="frame" src="x.png"/></v:rect><![endif]-->')),
    "a link in VML": ("vml-link", page(_TALL + f'<!--[if mso]><v:rect alt="Harbour"><v:textbox><![endif]--><div><a href="{_A}">The whole story</a></div><!--[if mso]></v:textbox></v:rect><![endif]-->')),
    "a heading in VML": ("vml-heading", page(_TALL + f'<!--[if mso]><v:rect alt=""><v:textbox><![endif]--><div><h2>{FERRY}</h2></div><!--[if mso]></v:textbox></v:rect><![endif]-->')),
}  # fmt: skip
"""By what stands in the way: the rule (axe's name where it has it) that alone is broken."""

NO_BARRIER: dict[str, str] = {
    "an underlined link": page(_TALL + f'<p>{FERRY} <a href="{_A}" style="color:#1a1a8a">All of it</a></p>'),
    "a bold link": page(_TALL + f'<p>{FERRY} <a href="{_A}" style="color:#1a1a8a;text-decoration:none;font-weight:bold">All of it</a></p>'),
    "a bordered link": page(_TALL + f'<p>{FERRY} <a href="{_A}" style="color:#1a1a8a;text-decoration:none;border-bottom:1px solid #1a1a8a">All of it</a></p>'),
    "a link of another size": page(_TALL + f'<p>{FERRY} <a href="{_A}" style="color:#1a1a8a;text-decoration:none;font-size:18px">All of it</a></p>'),
    "a link of another light": page(_TALL + f'<p style="color:#000000">{FERRY} <a href="{_A}" style="color:#0066cc;text-decoration:none">All of it</a></p>'),
    "a link of the text's colour": page(_TALL + f'<p style="color:#222222">{FERRY} <a href="{_A}" style="color:#222222;text-decoration:none">All of it</a></p>'),
    "a link on a line of its own": page(_TALL + f'<p>{FERRY}<br><a href="{_A}" style="color:#1a1a8a;text-decoration:none">All of it</a></p>'),
    "a link longer than its text": page(_TALL + f'<p>See <a href="{_A}" style="color:#1a1a8a;text-decoration:none">the whole story of the ferry</a></p>'),
    "a link in a block": page(_TALL + f'<p>{FERRY} <a href="{_A}" style="display:inline-block;color:#1a1a8a;text-decoration:none">All of it</a></p>'),
    "a named table": page(_TALL + '<table><caption>Votes</caption><tr><th scope="col">Town</th></tr><tr><td>Port Maren</td></tr></table>'),
    "a labelled field": page(_TALL + '<form><label>Your word <input type="text"></label><label for="b">Other</label><textarea id="b"></textarea><input type="submit"></form>'),
    "an ornament": page(_TALL + _IMG.format('alt=""')),
    "a heading with a picture": page(_TALL + f"<h2>{_IMG.format('alt=' + chr(34) + 'Ferry' + chr(34))}</h2><p>{FERRY}</p>"),
    "what is hidden altogether": page(_TALL + f'<div style="display:none"><ul><p>{FERRY}</p></ul><h2></h2><a href="{_A}" tabindex="2">All of it</a></div>'),
    "a nested list": page(_TALL + "<ul><li>One<ul><li>Two</li></ul></li></ul><ol><li>Three</li></ol>"),
    "definitions in groups": page(_TALL + "<dl><div><dt>One</dt><dd>Two</dd></div></dl>"),
    "a list with a role": page(_TALL + f'<ul role="presentation"><li role="none">{FERRY}</li></ul>'),
    "a name by aria": page(_TALL + f'<p><a href="{_A}" aria-label="The harbour vote"></a></p><div role="img" aria-label="A star">★</div>'),
}  # fmt: skip
"""Pages in which no rule is broken, though nearly."""
