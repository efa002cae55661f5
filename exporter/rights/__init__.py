"""Whose it is: what people agree to, and everything that is kept about somebody, shown or erased."""
