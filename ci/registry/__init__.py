"""The registry client, credentials, cached images and wheels; nothing else talks to a registry."""
