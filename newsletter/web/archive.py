"""Past editions."""

from newsletter.web.routing import Pages

pages = Pages()
