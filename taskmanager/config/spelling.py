"""Names in the environment that are probably meant for this service but are none that it knows."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from taskmanager.config.variables import Variable

_PREFIXES = ("POSTGRES_", "KAFKA_", "CONSUMER_", "GUARD_", "CORS_", "HEALTH_CHECK_", "METRICS_")
_CLOSE = 0.85


def misspelt(environ: Mapping[str, str], known: Iterable[Variable]) -> tuple[str, ...]:
    """One sentence for each name that shares a prefix with known names and is close to one of them; never the value."""
    names = [name for variable in known for name in _names(variable)]
    suspects = sorted(name for name in environ if name.startswith(_PREFIXES) and name not in names)
    closest = {name: get_close_matches(name, names, n=1, cutoff=_CLOSE) for name in suspects}
    return tuple(
        f"{name} is not a known variable; {match[0]} was probably meant" for name, match in closest.items() if match
    )


def _names(variable: Variable) -> tuple[str, ...]:
    return (variable.name, variable.file_name) if variable.secret else (variable.name,)
