"""Options that both subcommands have."""

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
wait_option = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the database to answer.",
)
