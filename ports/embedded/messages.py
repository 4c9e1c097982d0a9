"""What a queue's file holds: its messages, and what becomes of those that are received too often."""

from typing import Final

from ports.embedded.sqlite import Kind

QUEUE_FILE: Final = Kind(
    "embedded queue",
    0x4C4C5131,  # "LLQ1"
    (
        """CREATE TABLE message (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            body BLOB NOT NULL,
            visible_at REAL NOT NULL,
            receive_count INTEGER NOT NULL DEFAULT 0,
            receipt TEXT
        )""",
        "CREATE INDEX message_by_turn ON message (visible_at, sequence)",
        "CREATE TABLE policy (max_receive_count INTEGER NOT NULL, dead_letters TEXT)",
    ),
)

ADD: Final = "INSERT INTO message (id, body, visible_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"
"""A message that is there already, since somebody was killed while moving it, is not added twice."""
