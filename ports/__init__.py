"""
The outside world as the worker sees it: a queue, a store and a topic, each on AWS and embedded.

`protocols.py` says what they promise, `openers.py` opens the one that a URL names.
"""

from ports.openers import (
    CALLS_IN_FLIGHT,
    PATIENCE_S,
    create_queue,
    fetch_bundle,
    open_kms_key,
    open_queue,
    open_store,
    open_topic,
)
from ports.protocols import (
    BadAddress,
    BadBundle,
    CountCall,
    Depth,
    Message,
    PortError,
    Put,
    Queue,
    SigningKey,
    Store,
    Topic,
    Unavailable,
    put_result,
)

__all__ = [
    "CALLS_IN_FLIGHT",
    "PATIENCE_S",
    "BadAddress",
    "BadBundle",
    "CountCall",
    "Depth",
    "Message",
    "PortError",
    "Put",
    "Queue",
    "SigningKey",
    "Store",
    "Topic",
    "Unavailable",
    "create_queue",
    "fetch_bundle",
    "open_kms_key",
    "open_queue",
    "open_store",
    "open_topic",
    "put_result",
]
