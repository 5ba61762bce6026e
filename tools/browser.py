"""Chromium as a judge: what a mail looks like, and what axe says of it. Nothing is fetched but the sample pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, Route, sync_playwright

from tools.pictures import picture

Scheme = Literal["light", "dark"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]
_AXE = Path(__file__).parent.parent / "tests" / "judges" / "node_modules" / "axe-core" / "axe.min.js"
# Two rules speak of web pages: a mail has no landmarks of its own, it stands in those of the program that shows it.
_PROFILE = {"rules": {"region": {"enabled": False}, "landmark-one-main": {"enabled": False}}}

_RUN = """async rules => {
  const said = await axe.run(document, {runOnly: rules, resultTypes: ["violations", "incomplete"]});
  for (const rule of [...said.violations, ...said.incomplete]) for (const node of rule.nodes) {
    const own = [...document.querySelector(node.target[0]).childNodes].filter(one => one.nodeType === Node.TEXT_NODE);
    node.words = own.map(one => one.data).join(" ").replace(/\\s+/g, " ").trim();
  }
  return said;
}"""


class Browser:
    """A Chromium that shows mails. Made by `browser`."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium

    @contextmanager
    def page(
        self, html: str, *, width: int = 640, scheme: Scheme = "light", images: bool = True, scale: float = 1
    ) -> Iterator[Page]:
        """The mail, loaded in a window of that many CSS pixels. Without ``images`` every picture fails to load."""
        context = self._chromium.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, device_scale_factor=scale
        )

        try:
            page = context.new_page()
            page.route("**/*", _answer if images else lambda route: route.abort())
            page.set_content(html, wait_until="load")
            yield page
        finally:
            context.close()

    def shot(
        self, html: str, *, width: int = 640, scheme: Scheme = "light", images: bool = True, scale: float = 1
    ) -> bytes:
        """The whole mail as PNG."""
        with self.page(html, width=width, scheme=scheme, images=images, scale=scale) as page:
            return page.screenshot(full_page=True)

    def axe(self, html: str, *, scheme: Scheme = "light") -> list[dict[str, Any]]:
        """What axe finds, and what it could not decide."""
        with self.page(html, scheme=scheme) as page:
            page.evaluate(_AXE.read_text(encoding="utf-8"))
            said = page.evaluate("profile => axe.run(document, profile)", _PROFILE)
        assert len(said["passes"]) > 15, "axe has looked at next to nothing"
        return [*said["violations"], *said["incomplete"]]

    @contextmanager
    def context(
        self, url: str, *, width: int = 1280, scheme: Scheme = "light", script: bool = True, bypass_policy: bool = True
    ) -> Iterator[BrowserContext]:
        """A visit to a web site at ``url``. Pages' own Content-Security-Policy lets no judge in: it counts only where
        ``bypass_policy`` is false."""
        context = self._chromium.new_context(
            base_url=url,
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            java_script_enabled=script,
            bypass_csp=bypass_policy,
        )
        context.set_default_timeout(10_000)
        try:
            yield context
        finally:
            context.close()

    def axe_of(self, page: Page) -> list[dict[str, Any]]:
        """What axe finds on a web page, and what it could not decide: every rule, best practice too.

        What stands in a frame is a mail, in a sandbox that lets no judge in: `axe` looks at that.
        """
        page.evaluate(_AXE.read_text(encoding="utf-8"))
        said = page.evaluate('axe.run(document, {iframes: false, rules: {"frame-tested": {enabled: false}}})')
        assert len(said["passes"]) > 15, "axe has looked at next to nothing"
        return [*said["violations"], *said["incomplete"]]

    def contrast_of(self, page: Page, scheme: Scheme) -> list[dict[str, Any]]:
        """What axe finds of the contrast of a page that `axe_of` has looked at, in another scheme: the rest of a page
        does not change with it."""
        page.emulate_media(color_scheme=scheme)
        said = page.evaluate("axe.run(document, {runOnly: ['color-contrast']})")
        assert said["passes"], "axe has looked at nothing"
        return [*said["violations"], *said["incomplete"]]

    def reports(self, html: str, rules: list[str], schemes: list[Scheme]) -> dict[Scheme, dict[str, Any]]:
        """What axe says by some of its rules, in one window for all mails, so that many can be looked at.

        Each node has its own ``words`` as well, without those of the elements in it.
        """
        page = self._window
        page.goto("about:blank")  # a document that is written over keeps the color-scheme of the one before
        page.set_content(html, wait_until="load")
        page.evaluate(_AXE.read_text(encoding="utf-8"))
        found: dict[Scheme, dict[str, Any]] = {}
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            found[scheme] = page.evaluate(_RUN, rules)
        return found

    @cached_property
    def _window(self) -> Page:
        page = self._chromium.new_page(viewport={"width": 640, "height": 800})
        page.route("**/*", _answer)
        return page


def _answer(route: Route) -> None:
    if route.request.resource_type == "image":
        route.fulfill(body=picture(route.request.url), content_type="image/jpeg")
    else:
        route.abort()


@contextmanager
def browser() -> Iterator[Browser]:
    """The Chromium of this machine, ended afterwards."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("NEWSLETTER_CHROMIUM") or CHROMIUM, args=_QUIET
        )
        try:
            yield Browser(chromium)
        finally:
            chromium.close()
