"""A recorded terminal session, drawn as an animated picture."""
