"""
KEDA's part: from 0 to 1 and back to 0. What lies between is the HPA's (hpa.py).

https://keda.sh/docs/latest/concepts/scaling-deployments/ and https://keda.sh/docs/latest/scalers/aws-sqs/.
"""

from dataclasses import dataclass

from autoscaling.settings import Scaling


def metric(scaling: Scaling, queued: int, in_flight: int) -> int:
    """
    Return what the scaler reports: `ApproximateNumberOfMessages`, with `scaleOnInFlight` plus `...NotVisible`.

    Args:
        scaling: Says whether messages in flight count.
        queued: Messages that are not deleted yet.
        in_flight: How many of them a worker holds.
    """
    return queued if scaling.count_in_flight else queued - in_flight


@dataclass
class Keda:
    """Looks at the queue once in a polling interval."""

    scaling: Scaling
    _active_at: int | None = None

    def poll(self, replicas: int, now: int, messages: int) -> int:
        """
        Return how many replicas there shall be.

        More messages than the activation's value wake the first pod. With fewer, all go once the trigger has been
        inactive for the cooldown period, however many there are.
        """
        if messages > self.scaling.activation_queue_length:
            self._active_at = now
            return replicas or max(1, self.scaling.min_replicas)
        idle_s = None if self._active_at is None else now - self._active_at
        if self.scaling.min_replicas == 0 and (idle_s is None or idle_s >= self.scaling.cooldown_s):
            return 0
        return replicas
