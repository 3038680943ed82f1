"""What can be told from a folder of records: its comparisons, their recipes and commands, costs, wirings, waves."""
