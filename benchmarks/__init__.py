"""Measurements of the product beside other ways to do the same, taken in one run. Nothing imports this package."""
