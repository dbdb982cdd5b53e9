"""Programs that run around or in containers; standard library only."""
