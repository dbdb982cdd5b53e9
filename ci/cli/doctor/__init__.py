"""Facts of the machine, and what they mean for dockwright."""
