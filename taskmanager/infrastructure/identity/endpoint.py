"""Fetches what an identity provider publishes."""

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=5.0, sock_connect=3.0)
_LARGEST = 256 * 1024
# What a small answer may grow to when it is unpacked, nobody knows.
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class FetchError(Exception):
    """The provider did not give what it was asked for; the text tells why."""


class JwksEndpoint:
    """Where a provider publishes its keys; connects at the first `fetch`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self) -> bytes:
        """The document as it is there now; raises `FetchError`. Goes nowhere that the address does not name."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, headers=_HEADERS, auto_decompress=False)
        try:
            async with self._session.get(self._url, allow_redirects=False) as response:
                if response.status != 200:
                    raise FetchError(f"the provider answered {response.status}")
                return await _read(response)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise FetchError(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    async def close(self) -> None:
        """Ends its connections; again does nothing."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    document = bytearray()
    async for chunk in response.content.iter_any():
        document += chunk
        if len(document) > _LARGEST:
            raise FetchError(f"the provider's answer is longer than {_LARGEST} bytes")
    return bytes(document)
