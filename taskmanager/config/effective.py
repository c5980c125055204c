"""The settings in force, variable by variable, fit to be shown."""

from dataclasses import dataclass

from taskmanager.config.settings import Origin, Settings
from taskmanager.config.variables import display, variables


@dataclass(frozen=True, slots=True)
class EffectiveRow:
    """One variable as it is in force; `value` is written as in the environment, a secret as ***."""

    section: str
    name: str
    value: str
    is_default: bool
    source: Origin
    description: str


def effective(settings: Settings) -> list[EffectiveRow]:
    """One row for each known variable, in the order of the documentation."""
    return [
        EffectiveRow(
            section=variable.section,
            name=variable.name,
            value=display(getattr(section, variable.field)),
            is_default=settings.origins.get(variable.name, "default") == "default",
            source=settings.origins.get(variable.name, "default"),
            description=variable.meaning,
        )
        for section in settings.sections
        for variable in variables(type(section))
    ]
