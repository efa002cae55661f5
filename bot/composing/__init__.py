"""What the double says: the model, the prompt of a moment, and what of its words is fit to send."""
