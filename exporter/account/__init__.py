"""The owner's account: logging in, the connection, how fast Telegram is asked, and what its answers mean."""
