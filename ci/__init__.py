"""dockwright: plan, build, test and publish a hierarchy of container images."""
