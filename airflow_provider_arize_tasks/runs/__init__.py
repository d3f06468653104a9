"""Task runs: which run belongs to an attempt, has it ended, was it good."""
