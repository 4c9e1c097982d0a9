"""
A worker that makes a lead of every message, and kills itself where it is told: a process for the crash tests.

Usage: mortal_worker.py FOLDER STEP VISIBILITY_TIMEOUT_S; STEP of its third batch is its last one.
"""

import os
import signal
import sys

from ports import Message, open_queue, open_store, open_topic
from schemas.decision import Decision, ModelId
from schemas.lead import Lead, LeadData

MODEL = ModelId(name="forest", version="1", sha256="a" * 64)
TIME = "2026-01-15T10:00:00.000000Z"


def main(folder: str, deadly_step: str, visibility_timeout_s: int) -> None:
    """Work until the queue gives nothing more. Print the id of every message that is done."""
    queue, store = open_queue(f"sqlite:///{folder}/queue.db"), open_store(f"sqlite:///{folder}/store.db")
    topic = open_topic(f"file:///{folder}/leads.jsonl")
    if store is None or topic is None:
        sys.exit("no store, or no topic")
    batches = 0

    def step(name: str) -> None:
        if name == deadly_step and batches == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    while messages := queue.receive(10, 0, visibility_timeout_s):
        step("received")
        puts = store.put([decide(message) for message in messages])
        step("stored")
        if topic.publish([to_lead(put.stored.decision) for put in puts if put.stored]):
            sys.exit("not published")
        step("published")
        if queue.delete(messages):
            sys.exit("not deleted")
        step("deleted")
        batches += 1
        print(*(message.id for message in messages), sep="\n", flush=True)


def decide(message: Message) -> Decision:
    """Make the same decision about a message whenever it comes."""
    customer_id = message.body.decode()
    return Decision(
        customer_id=customer_id,
        event_id=f"evt-{customer_id}",
        event_time=TIME,
        source="/core-banking/customers",
        content_sha256="c" * 64,
        score=0.9,
        lead=True,
        tier="A",
        threshold=0.5,
        model=MODEL,
        campaign="default",
        expires_at="2026-02-14T10:00:00.000000Z",
    )


def to_lead(decision: Decision) -> Lead:
    """Make the lead that a decision leads to."""
    data = LeadData(
        lead_id=decision.customer_id,
        customer_id=decision.customer_id,
        event_id=decision.event_id,
        event_time=decision.event_time,
        score=decision.score,
        tier=decision.tier,
        threshold=decision.threshold,
        model=decision.model,
        campaign=decision.campaign,
        expires_at=decision.expires_at,
    )
    return Lead(
        id=decision.customer_id, type="bank.lead.created.v1", subject=decision.customer_id, time=TIME, data=data
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
