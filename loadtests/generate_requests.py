"""Writes the sample of requests that the demo plays: `python loadtests/generate_requests.py [--check]`.

The same seed makes the same bytes on every machine and Python: only `Random.random()` is drawn from, whose sequence is
guaranteed. All addresses are of domains that are reserved for examples (RFC 2606).
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import UUID

SEED = 20_250_101
COUNT = 3_000
TARGET = Path(__file__).parent / "profiles" / "sample-requests.jsonl"

# Shares of the lines. The rest is in the current form: id in the headers, camelCase body.
EARLIER_FORM = 0.12  # task_id in the headers, snake_case body, base_url
ID_IN_KEY = 0.08
BARE_BODY = 0.08
REPEATED = 0.012
CONFLICTING = 0.004
MISTAKEN = 0.008

_HOSTS = (
    *("www.example.com", "news.example.com", "shop.example.com", "docs.example.org", "blog.example.org"),
    *("archive.example.net", "status.example.net", "rail.example", "city-museum.example", "weather.example"),
    *("recipes.example", "bücher.example", "jobs.example", "library.example", "maps.example.org:8443"),
)
_PATHS = (
    *("/", "/about", "/contact", "/index.html", "/en/products", "/de/produkte/{n}", "/articles/{n}", "/search?q={q}"),
    *("/catalogue?page={n}&sort=price", "/2025/{n}/review", "/api/v2/items/{n}.json", "/downloads/report-{n}.pdf"),
    *("/forum/thread/{n}#latest", "/team/%C3%BCber-uns", "/a/b/c/d/{n}/", "/events?from=2025-06-01&city={q}"),
)
_TOPICS = (
    *("opening hours", "return policy", "price list", "press contacts", "annual report", "cookie banner", "job offers"),
    *(
        "shipping costs",
        "Öffnungszeiten",
        "conditions générales",
        "предложения",
        "営業時間",
        "ticket prices",
        "sitemap",
    ),
    *("vegan recipes", "storm warnings", "second-hand bicycles", "timetable changes", "error messages", "museum tours"),
)
_QUERIES = (
    *("Find the {t}", "{t}", "Summarise what the site says about {t}", "List all pages that mention “{t}”"),
    *("Has the {t} changed since last week?", "Collect every {t} with its date\nand sort them by relevance"),
    *("Compare the {t} with those of the two sister sites, and tell which is newer", "Is there a page on {t}? 🔎"),
)
_NAMES = (
    *("ann", "ben.okafor", "chloe+crawl", "d.ivanova", "eiji", "farah_k", "george-h", "hana", "i.novak", "jörg"),
    *("kim.lee", "lucia", "m.svensson", "noor", "olga", "p.dupont", "quinn", "rosa", "s.tanaka", "tomas"),
)
_MAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "uni.example", "post.example")
_GATEWAYS = ("gateway-eu-1", "gateway-eu-2", "gateway-us-1", "browser-extension")
_LABELS = {"team": ("search", "legal", "press"), "priority": ("low", "normal", "high"), "campaign": ("spring", "audit")}
_MISTAKES: Sequence[tuple[str, object]] = (
    ("originalUrl", "ftp://files.example.com/list"),
    ("originalUrl", "http://192.168.1.10/admin"),
    ("originalUrl", "https://user:secret@www.example.com/"),
    ("originalUrl", "www.example.org/no-scheme"),
    ("userEmail", "not-an-address"),
    ("userEmail", "two@at@example.com"),
    ("userQuery", "   "),
    ("userQuery", 42),
    ("userQuery", None),
)

T = TypeVar("T")
Json = dict[str, object]


class Sample:
    """Makes lines; everything in them follows from the seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._sent_at_ms = 1_735_689_600_000  # what the ids of version 7 say; it moves on with every request
        self._with_id: list[Json] = []

    def lines(self, count: int) -> Iterator[Json]:
        """`count` lines, the repeated and the mistaken ones among them."""
        for _ in range(count):
            share = self._random.random()
            if self._with_id and share < REPEATED:
                yield self._pick(self._with_id)
            elif self._with_id and share < REPEATED + CONFLICTING:
                yield self._conflict(self._pick(self._with_id))
            elif share < REPEATED + CONFLICTING + MISTAKEN:
                yield self._mistake()
            else:
                yield self._request()

    def _request(self) -> Json:
        share = self._random.random()
        body = self._body()
        if share < BARE_BODY:
            return body
        task_id = self._id()
        if share < BARE_BODY + ID_IN_KEY:
            return {"headers": self._headers({"status": "new"}), "key": task_id, "value": body}
        if share < BARE_BODY + ID_IN_KEY + EARLIER_FORM:
            body = {
                "user_email": body["userEmail"],
                "user_query": body["userQuery"],
                "base_url": body["originalUrl"],
            }
            line: Json = {"headers": {"task_id": task_id, "task_type": "web-crawl", "status": "new"}, "key": task_id}
        else:
            line = {"headers": self._headers({"id": task_id, "task_type": "web-crawl", "version": "1"}), "key": task_id}
        line["value"] = body
        self._with_id.append(line)
        return line

    def _conflict(self, line: Json) -> Json:
        """The same id, but the user has typed on."""
        body = dict(line["value"])  # type: ignore[call-overload]
        name = "userQuery" if "userQuery" in body else "user_query"
        return {**line, "value": {**body, name: f"{body[name]} (changed)"}}

    def _mistake(self) -> Json:
        name, value = self._pick(_MISTAKES)
        task_id = self._id()
        body = {**self._body(), name: value}
        return {"headers": self._headers({"id": task_id, "version": "1"}), "key": task_id, "value": body}

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        headers["source"] = self._pick(_GATEWAYS)
        if self._random.random() < 0.3:
            headers["correlation_id"] = f"req-{self._number(0x10000000):08x}"
        if self._random.random() < 0.15:
            trace, span = self._bits(16) or 1, self._bits(8) or 1
            headers["traceparent"] = f"00-{trace:032x}-{span:016x}-{self._pick(('00', '01'))}"
        return headers

    def _body(self) -> Json:
        suffix = self._pick(("", "", "", str(self._number(90) + 10)))
        body: Json = {
            "userEmail": f"{self._pick(_NAMES)}{suffix}@{self._pick(_MAIL_DOMAINS)}",
            "userQuery": self._pick(_QUERIES).format(t=self._pick(_TOPICS)),
            "originalUrl": self._url(),
        }
        if self._random.random() < 0.25:
            body["metadata"] = {
                name: self._pick(values) for name, values in _LABELS.items() if self._random.random() < 0.6
            }
        return body

    def _url(self) -> str:
        path = self._pick(_PATHS).format(
            n=self._number(900) + 1, q=self._pick(("bikes", "rain", "open+now", "caf%C3%A9"))
        )
        return f"{self._pick(('https', 'https', 'https', 'http'))}://{self._pick(_HOSTS)}{path}"

    def _id(self) -> str:
        """Mostly UUIDs of version 7, as a gateway makes them; some of version 4; a few in upper case."""
        self._sent_at_ms += self._number(400)
        noise = self._bits(16)
        if self._random.random() < 0.25:
            made = UUID(int=noise, version=4)
        else:
            bits = (self._sent_at_ms << 80) | (noise & ((1 << 80) - 1))
            made = UUID(int=(bits & ~(0xF << 76) & ~(0x3 << 62)) | (0x7 << 76) | (0x2 << 62))
        return str(made).upper() if self._random.random() < 0.02 else str(made)

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[self._number(len(choices))]

    def _number(self, below: int) -> int:
        return int(self._random.random() * below)

    def _bits(self, count: int) -> int:
        """A number of `count` bytes."""
        return int.from_bytes(bytes(self._number(256) for _ in range(count)))


def render(seed: int = SEED, count: int = COUNT) -> str:
    """The file's text: one JSON object a line."""
    lines = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in Sample(seed).lines(count))
    return "".join(f"{line}\n" for line in lines)


def main() -> int:
    """Writes the file, or with --check says whether it is what would be written."""
    parser = argparse.ArgumentParser(description="Write the sample of requests that the demo plays.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is another")
    text = render()
    if not parser.parse_args().check:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET} is not what this program writes; run it without --check", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
