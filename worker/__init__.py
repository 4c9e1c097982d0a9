"""Customer events in, leads out: the consumer that runs in every pod."""
