"""The task graph, its order, the scheduler and the event log."""
