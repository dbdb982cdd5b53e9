"""What an image adds to its parent: each path by the step that accounts for it; standard library only."""
