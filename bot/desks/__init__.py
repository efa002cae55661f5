"""Where the owner sees proposals and chooses: their life, the cards, Saved Messages, the control bot."""
