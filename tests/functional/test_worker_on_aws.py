"""A worker on SQS, SNS and DynamoDB (a local moto) counts the calls that it makes."""

from leadline.demo.places import local_aws
from leadline.demo.plan import make_plan
from leadline.demo.run import send
from tests.trained import DemoModel
from worker.service import Worker
from worker.settings import Settings


def test_every_call_to_aws_is_counted_with_its_result(demo_model: DemoModel) -> None:
    """Of 12 events one is stale and one comes twice: DynamoDB refuses two updates, and that is counted as such."""
    plan = make_plan(10)
    with local_aws() as place:
        send(plan, place)
        settings = Settings(
            queue=place.queue, quarantine=place.quarantine, store=place.store, topic=place.topic, wait_time_s=0,
            model=str(demo_model.bundle), public_key=demo_model.public_key, http_port=0,
        )  # fmt: skip
        with Worker(settings, calls_in_flight=1) as worker:
            worker.run(once=True)

    def calls(api: str, result: str) -> float | None:
        return worker.metrics.registry.get_sample_value("leadline_calls_total", {"api": api, "result": result})

    assert 12 == plan.count("current") + plan.count("stale") + plan.count("duplicate")
    assert 10 == calls("dynamodb:UpdateItem", "ok")
    assert 2 == calls("dynamodb:UpdateItem", "ConditionalCheckFailedException")
    assert calls("sqs:ReceiveMessage", "ok")
    assert 1 == calls("sqs:SendMessageBatch", "ok")
    assert 2 == calls("sqs:DeleteMessageBatch", "ok")
