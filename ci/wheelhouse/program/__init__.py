"""Programs that download and compile packages; standard library only."""
