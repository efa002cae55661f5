"""What is kept in the state folder: history, how complete it is, and whom it leaves out."""
