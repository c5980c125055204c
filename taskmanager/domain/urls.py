"""The rule for addresses to crawl."""

import re
from urllib.parse import urlsplit

from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.hosts import HOST_MAX, normalise_host

URL_MAX = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Already in normal form, which nearly every address is: nothing to parse. The last label has letters only, so that no
# numeric host comes through here, and no label starts with the xn-- that asks for a closer look.
_PLAIN = re.compile(
    r"https?://(?:(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}(?:[/?][!$-;=?-Z_a-z~#%&]*)?", re.ASCII
).fullmatch
_NETLOC = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::\d*)?").fullmatch


def normalise_url(url: str, *, allow_private: bool) -> str:
    """The normal form of an address to crawl; raises `InvalidValue`.

    Scheme and host are normalised (see `normalise_host`), a default port is dropped; what follows is kept as it is.
    """
    if len(url) > URL_MAX:
        raise _invalid(f"must have at most {URL_MAX} characters")
    if _PLAIN(url) is not None and len(url.split("/", 3)[2]) <= HOST_MAX:
        return url
    if " " in url or not url.isprintable() or "\\" in url:
        raise _invalid("must not hold spaces, backslashes or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _invalid("must be a well-formed address") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise _invalid("must start with http:// or https://")
    if "@" in parts.netloc:
        raise _invalid("must not hold a user name or password")
    named = _NETLOC(parts.netloc)
    if named is None:
        raise _invalid("must be a well-formed address")
    if port == 0:
        raise _invalid("must not name port 0")
    try:
        host = normalise_host(named[1], allow_private=allow_private)
    except ValueError as error:
        raise _invalid(str(error)) from None
    netloc = host if port is None or port == _DEFAULT_PORTS[parts.scheme] else f"{host}:{port}"
    normal = f"{parts.scheme}://{netloc}{url[len(parts.scheme) + 3 + len(parts.netloc) :]}"
    if len(normal) > URL_MAX:
        raise _invalid(f"must have at most {URL_MAX} characters")
    return normal


def _invalid(problem: str) -> InvalidValue:
    return InvalidValue("originalUrl", problem)
