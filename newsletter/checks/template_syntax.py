"""What a template should have filled in and did not, in the syntax of the systems that newsrooms copy from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.checks.words import around, line

_LEFT_OVER = re.compile(
    r"\{\{|\}\}"  # Jinja, Handlebars, Liquid, Go
    r"|\{%|%\}"
    r"|\*\|[^|\n]{1,60}\|\*"  # Mailchimp
    r"|\[%[^\]\n]{0,60}"  # Template Toolkit, Sailthru
    r"|%%[A-Za-z_][^%\n]{0,60}%%"  # Salesforce
    r"|<%|%>"  # ERB, EJS
    r"|[$#]\{[^}\n]{1,60}\}"  # JavaScript, Ruby, shell
    r"|\{\$[a-z_]\w*\}|\{[a-z]+_[a-z_]+\}"  # MailerLite, PHP; Python
    r"|%[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+%|%(?:recipient|user|subscriber)\.\w+%"  # ActiveCampaign, Mailgun
    r"|\[\[\w[\w.| ]{0,40}\]\]|<<\w[\w. ]{0,40}>>"  # older mailing lists
    r"|mbq[0-9a-f]{12}x\d{2,}z"  # a slot of ours that is no slot of this variant
)
_SIGNS = "{", "}", "*|", "%", "[[", "<<", "mbq"
"""One of these stands in whatever the pattern matches. They are looked for first, since that is far quicker."""


@check("template-syntax")
def template_syntax(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        seen: set[str] = set()
        for where, words in variant.passages:
            if not any(sign in words for sign in _SIGNS):
                continue
            for match in _LEFT_OVER.finditer(words):
                if match[0] not in seen:
                    seen.add(match[0])
                    yield Finding(
                        "template-syntax",
                        Severity.BLOCK,
                        where,
                        f"“{around(words, *match.span())}” was never filled in",
                        "correct the story or the template",
                        (segment,),
                        line(variant.rendered, where, match[0]),
                    )
