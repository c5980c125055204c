"""The project's pages, read as text."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\[\]]+)\]\([^()]+\)")


def text(page: str) -> str:
    """The whole page."""
    return (ROOT / page).read_text(encoding="utf-8")


def prose(markdown: str) -> str:
    """The page without its blocks of code."""
    return _FENCE.sub("", markdown)


def headings(markdown: str) -> list[str]:
    """The headings in order, links in them as their words."""
    return [_LINK.sub(r"\1", found) for found in re.findall(r"^#+ +(.+?) *$", prose(markdown), re.MULTILINE)]


def anchors(markdown: str) -> set[str]:
    """What a link may name behind the #, as GitHub makes it of the headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(markdown)}


def section(markdown: str, heading: str) -> str:
    """The text below a heading up to the next one of any level."""
    found = re.search(rf"^#+ +{re.escape(heading)} *\n(.*?)(?=^#+ |\Z)", markdown, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no heading {heading!r}"
    return found[1]


def first_column(markdown: str) -> list[str]:
    """The words in backticks that begin the rows of the tables."""
    return re.findall(r"^\| `([^`]+)` \|", markdown, re.MULTILINE)
