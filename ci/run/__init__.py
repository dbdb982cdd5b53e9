"""Running a plan: order, limits, keep-going, the event log and the run's directory."""
