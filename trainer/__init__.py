"""Teaches a language model to write like the owner, and proves what it made."""
