"""What a folder of records says: its comparisons, their recipes and commands, costs, wirings, waves."""
