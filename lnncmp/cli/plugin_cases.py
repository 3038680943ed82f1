"""Commands of cases that come from installed packages: listed without importing them, loaded when they are called."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from lnncmp.cases.base import added_cases, load_case
from lnncmp.cli.study import case_command


class Commands(TyperGroup):
    """All commands of lnncmp, and one for each case of an installed package."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.plugins = {name: one for name, one in added_cases().items() if name not in self.commands}
        for name, one in self.plugins.items():
            words = f"Case study of the package {one.package}."
            self.commands[name] = TyperCommand(name, help=words, callback=None, rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, command and further arguments; a package's case is imported here."""
        name, command, rest = super().resolve_command(ctx, args)
        return (name, case_of_package(name), rest) if name in self.plugins else (name, command, rest)


def case_of_package(name: str) -> Any:
    """Return the command of a package's case. Raises PluginError if the case cannot be used."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, help=help_of(name))(case_command(name))
    return get_command(alone)


def help_of(name: str) -> str:
    """Return the help of the command of a case."""
    return f"{load_case(name).summary} Executes missing runs and prints the comparison."
