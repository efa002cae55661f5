"""How a base learns from rows: the ways to teach it, the loss, the steps, and what they cost."""
