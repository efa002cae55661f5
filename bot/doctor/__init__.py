"""What could be wrong with a double before anybody notices: every part is looked at, and nothing is changed."""
