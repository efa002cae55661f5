"""Pulls a person's Telegram history into SQLite, and holds what all packages share."""
