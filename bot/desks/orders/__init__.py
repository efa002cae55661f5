"""The owner's commands, alike at every desk: what a command is, the menu of all, and one module for each."""
