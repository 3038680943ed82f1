"""The command line: parse, call one function, print. No logic; only commands that need torch import it."""
