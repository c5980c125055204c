"""`taskmanager config`: shows the settings in force, or documents them."""

from dataclasses import asdict

import click
import orjson

from taskmanager.config.effective import EffectiveRow, effective
from taskmanager.config.reference import markdown
from taskmanager.config.settings import load_settings


@click.command(name="config")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array of objects, for machines.")
@click.option("--check", is_flag=True, help="Print nothing unless something is wrong; the exit code tells.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the reference of all variables instead.")
def command(as_json: bool, check: bool, as_markdown: bool) -> None:
    """Show every setting in force and where it comes from.

    Secrets are shown as ***. Exits with 78 and lists every mistake if the environment holds any.

    \b
    Examples:
      taskmanager config
      POSTGRES_PASSWORD_FILE=/run/secrets/pg taskmanager config --json
      taskmanager config --check && echo ready to start
    """
    if sum((as_json, check, as_markdown)) > 1:
        raise click.UsageError("choose one of --json, --check and --markdown")
    if as_markdown:
        click.echo(markdown(), nl=False)
        return
    settings = load_settings()
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    if check:
        return
    rows = effective(settings)
    click.echo(_json(rows) if as_json else _table(rows))


def _json(rows: list[EffectiveRow]) -> bytes:
    return orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2)


def _table(rows: list[EffectiveRow]) -> str:
    name_width = max(len(row.name) for row in rows)
    value_width = max(len(row.value) for row in rows)
    lines: list[str] = []
    section = None
    for row in rows:
        if row.section != section:
            section = row.section
            lines.append(f"{'' if not lines else chr(10)}{section}")
        lines.append(f"  {row.name:<{name_width}}  {row.value:<{value_width}}  {row.source:<7}  {row.description}")
    return "\n".join(lines)
