"""What happens now: an account that is kept current as long as a process runs, and answers the others."""
