"""The same images by three ways in one run: dockwright, plain Dockerfiles, the rendered ones by BuildKit."""
