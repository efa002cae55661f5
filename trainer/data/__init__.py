"""What of a history is learned and what is held out, as rows and batches."""
