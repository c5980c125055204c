"""Figures on the first page are those of the page about performance."""

import pytest

from tests.unit.docs.pages import section, text


def rows(page: str, heading: str) -> dict[str, set[str]]:
    """The cells of the tables below a heading by the first one of their row, without emphasis and units."""
    found = {}
    for line in section(text(page), heading).splitlines():
        if line.startswith("| "):
            name, *cells = line.replace("*", "").strip("| ").split(" | ")
            found[name] = {word.strip() for cell in cells for word in cell.removesuffix(" ms").split(", ")}
    return found


@pytest.mark.parametrize("server", ["Task Manager", "Go, net/http + pgx", "Node, Fastify + pg", "FastAPI + asyncpg"])
def test_the_readme_tells_the_measured_figures_over_http(server: str) -> None:
    told, measured = rows("README.md", "How fast")[server], rows("docs/performance.md", "Over HTTP")[server]
    assert len(told) == 3
    assert told <= measured


@pytest.mark.parametrize("row", ["requests to tasks, per second", "status reports, per second"])
def test_the_readme_rounds_the_figures_of_consumers(row: str) -> None:
    names = {
        "requests to tasks, per second": "creates per second",
        "status reports, per second": "status reports per second",
    }
    exact = rows("docs/performance.md", "Figures")[names[row]]
    rounded = {f"{round(int(figure.replace(',', '')), -3):,}" for figure in exact}
    assert rows("README.md", "How fast")[row] == rounded
