"""What a pickle would do, found out without running any of it."""
