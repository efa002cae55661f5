"""Runs the whole program on the sandbox as a person would, by its public commands, and checks what happened."""
