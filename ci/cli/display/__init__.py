"""The progress display of a run."""
