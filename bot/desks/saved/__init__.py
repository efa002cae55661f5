"""The desk in Saved Messages: the default one, which needs no bot."""
