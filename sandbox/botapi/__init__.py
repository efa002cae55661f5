"""The Bot API face of the world: HTTP on loopback, for an unmodified aiogram bot."""
