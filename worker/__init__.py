"""Customer events in, leads out: the consumer that runs in every pod."""

import os

# numpy starts a thread for each core when it is imported; a worker multiplies nothing large enough to use them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
