"""Shell completion: candidates from the stack, and the scripts of bash, zsh and fish."""
