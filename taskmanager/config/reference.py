"""The reference of all variables as Markdown, made from the code so that the two cannot differ."""

from taskmanager.config.settings import SECTIONS
from taskmanager.config.variables import Variable, variables

_HEAD = "| variable | default | allowed | meaning |\n|---|---|---|---|"


def markdown() -> str:
    """A heading and a table for each section; ends with a newline."""
    return "\n".join(
        f"### {section.title}\n\n{_HEAD}\n{''.join(map(_row, variables(section)))}" for section in SECTIONS
    )


def _row(variable: Variable) -> str:
    name = f"`{variable.name}`" + (f"<br>or `{variable.file_name}`" if variable.secret else "")
    allowed = variable.allowed.replace("|", "\\|")
    return f"| {name} | {variable.default} | {allowed} | {variable.meaning} |\n"
