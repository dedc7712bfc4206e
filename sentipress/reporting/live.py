"""Pictures inside the page, whose points show their figures when the mouse or the keyboard reaches them."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

POINT = "point-"  # begins the id of the group that a point is drawn in; a number follows


class Drawn(NamedTuple):
    """A picture that was drawn: its title, the SVG for wide and for narrow screens, and whether it has titled points."""

    title: str
    wide: str
    narrow: str
    live: bool


def titled(svg: str, titles: Sequence[str]) -> str:
    """Give each group `point-<number>` of an SVG the title of that number: what a browser shows beside the mouse."""

    def with_title(found: re.Match[str]) -> str:
        return f"{found[0]}<title>{html.escape(titles[int(found[1])])}</title>"

    return re.sub(rf'<g id="{POINT}(\d+)">', with_title, svg)


def inline(svg: str, prefix: str) -> Markup:
    """Make an SVG part of a page: ids of its own, nothing that only a file needs, points that the keyboard reaches.

    Args:
        svg: by this project, texts escaped.
        prefix: before each id, so that two pictures of a page do not share one.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)  # a style of the whole page here
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(rf'<g id="({POINT}\d+)">', r'<g id="\1" class="point" tabindex="0" role="img">', body)
    body = re.sub(r'\bid="', f'id="{prefix}', body)
    body = re.sub(r"url\(#", f"url(#{prefix}", body)
    return Markup(re.sub(r'href="#', f'href="#{prefix}', body))
