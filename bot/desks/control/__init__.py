"""The control bot: the same cards with buttons, and the same commands, for the owner alone."""
