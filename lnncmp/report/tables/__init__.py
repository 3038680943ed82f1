"""Tables in five formats."""
