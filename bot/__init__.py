"""Knows when to speak for the owner, and puts the words into Telegram."""
