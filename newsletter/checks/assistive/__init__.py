"""What stands between a mail and readers who hear it, feel it, or use no mouse: rules, one function each.

They are those of the Email Markup Consortium's reports, and those of axe that can concern a mail. What another check
has (alternative texts, names of links, headings, title, the language of the page, contrast) is not looked at again.
"""

from newsletter.checks.assistive import aria, links, structure, words
from newsletter.checks.assistive.problems import RULES, Problem, problems

__all__ = ["RULES", "Problem", "aria", "links", "problems", "structure", "words"]
