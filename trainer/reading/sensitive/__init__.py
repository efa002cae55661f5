"""What is secret in a text: one module a family of secrets, each a function from a text to spans."""
