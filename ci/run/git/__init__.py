"""The git checkout: revision, patch, worktree."""
