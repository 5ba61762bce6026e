"""An HTML part as its readers' programs see it: elements, the declarations that meet at each, and how they look.

What a browser would do with style sheets is done here for what the checks need: colours, sizes, what is shown at all.
A mail is read once (`Styled`); what it has in common with others (selectors, rules, style attributes) is kept.
"""

from newsletter.checks.styled.cascade import DARK, LIGHT, OUTLOOK_DARK, Environment, Styled
from newsletter.checks.styled.colours import Colour, contrast
from newsletter.checks.styled.looks import Look, Run, looks, run, runs, shown
from newsletter.checks.styled.nodes import Node

__all__ = [
    "DARK",
    "LIGHT",
    "OUTLOOK_DARK",
    "Colour",
    "Environment",
    "Look",
    "Node",
    "Run",
    "Styled",
    "contrast",
    "looks",
    "run",
    "runs",
    "shown",
]
