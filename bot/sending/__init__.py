"""How its words arrive: the outbox, the pace, and what Telegram refuses."""
