"""What keeps a running double whole: its start, its status, forgetting."""
