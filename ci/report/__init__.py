"""The events of a run, and the report and tables made of them. Pure."""
