"""What every rule that goes by time is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading


class Done(NamedTuple):
    """What a rule did (or would do): how many things by what became of them; `more` where it has not looked at all."""

    effects: Mapping[str, int] = MappingProxyType({})
    more: bool = False

    @property
    def affected(self) -> int:
        """How many things in all."""
        return sum(self.effects.values())

    def followed_by(self, later: "Done") -> "Done":
        """This and what came after it as one."""
        both = {
            effect: self.effects.get(effect, 0) + later.effects.get(effect, 0)
            for effect in {**self.effects, **later.effects}
        }
        return Done(both, later.more)

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {effect}" for effect, count in self.effects.items() if count)


class Rule(Protocol):
    """One rule; its methods may raise a `StoreError`, and may be called while the rule is applied elsewhere."""

    @property
    def name(self) -> str:
        """What operators call it."""

    async def apply(self, reading: Reading) -> Done:
        """Does what is due, or a bounded part of it; `more` where the next call goes on."""

    async def preview(self, reading: Reading) -> Done:
        """Tells what is due, and changes nothing."""

    async def outlook(self, reading: Reading) -> str:
        """Says, where nothing was due, why that is."""
