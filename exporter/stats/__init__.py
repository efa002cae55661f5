"""Figures over a history: counted in one pass, shown as tables, JSON or a chart."""
