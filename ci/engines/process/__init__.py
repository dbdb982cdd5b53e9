"""Child processes: commands as values, the runner, namespaces, privileges."""
