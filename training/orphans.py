"""No process of joblib outlives a training that was killed without notice, be it for want of memory."""

import os
import threading
import time
from typing import Final

LOOK_EVERY_S: Final = 1.0


def end_with(parent: int) -> None:
    """Start to watch, in a process of joblib, and end it at once when the process that started it is gone."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY_S)
    os._exit(1)  # the main thread may wait for work that never comes, and there is nobody to tell
