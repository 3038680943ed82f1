"""The command line: parse, call one function, print. No logic; torch is imported by the commands that need it."""
