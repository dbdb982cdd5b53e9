"""What a runner with an empty store costs, by the cache of a registry: dockwright, Buildah, BuildKit."""
