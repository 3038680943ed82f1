"""`python -m lnncmp`, and what the command `lnncmp` calls. Imports nothing at first: worker processes import it too."""


def main() -> None:
    """Run the command line; Ctrl-C while it is still loading ends quietly with exit code 130."""
    try:
        from lnncmp.cli.main import main as command_line

        command_line()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
