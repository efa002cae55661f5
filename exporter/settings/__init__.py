"""What the owner wants: the configuration, and whom it means."""
