"""
The HorizontalPodAutoscaler with one external metric of type `AverageValue`, which is what KEDA makes of a trigger.

The algorithm: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details and, for
windows and policies, `#configurable-scaling-behavior` on the same page. It is asked every 15 seconds
(`--horizontal-pod-autoscaler-sync-period`), and reads the metric from KEDA at that moment: KEDA's own polling interval
does not matter here (https://keda.sh/docs/latest/reference/scaledobject-spec/#pollinginterval).
"""

import math
from dataclasses import dataclass, field
from typing import Final

from autoscaling.settings import Policy, Rules, Scaling

SYNC_S: Final = 15


@dataclass
class Hpa:
    """Scales between one replica and the maximum."""

    scaling: Scaling
    _wanted: list[tuple[int, int]] = field(default_factory=list)
    _changes: list[tuple[int, int]] = field(default_factory=list)

    def sync(self, now: int, replicas: int, metric: int) -> int:
        """
        Return how many replicas there shall be.

        Args:
            now: Seconds.
            replicas: How many the Deployment has. With none of them an HPA is disabled.
            metric: Messages on the queue.
        """
        if replicas == 0:
            return 0
        if replicas > self.scaling.max_replicas:
            return self._changed(now, replicas, self.scaling.max_replicas)
        wanted = self._stabilized(now, replicas, desired(self.scaling, replicas, metric))
        if wanted > replicas:
            wanted = min(wanted, max(replicas, self._limit(now, replicas, self.scaling.up, up=True)))
        elif wanted < replicas:
            wanted = max(wanted, min(replicas, self._limit(now, replicas, self.scaling.down, up=False)))
        bounded = min(max(wanted, self.scaling.min_replicas, 1), self.scaling.max_replicas)
        return self._changed(now, replicas, bounded)

    def _stabilized(self, now: int, replicas: int, wanted: int) -> int:
        """Go up no further than the least that was wanted in the window of going up, and down alike."""
        up, down = self.scaling.up.window_s, self.scaling.down.window_s
        self._wanted = [(at, n) for at, n in self._wanted if at > now - max(up, down)] + [(now, wanted)]
        lowest = min([wanted, *(n for at, n in self._wanted if at > now - up)])
        highest = max([wanted, *(n for at, n in self._wanted if at > now - down)])
        return min(max(replicas, lowest), highest)

    def _limit(self, now: int, replicas: int, rules: Rules, *, up: bool) -> int:
        """Return how far the policies of one direction let it go."""
        if rules.select == "Disabled":
            return replicas
        limits = [
            _limit_of(policy, replicas - self._change_within(now, policy.period_s), up=up) for policy in rules.policies
        ]
        farthest = max if up == (rules.select != "Min") else min
        return farthest(limits)

    def _change_within(self, now: int, period_s: int) -> int:
        return sum(change for at, change in self._changes if at > now - period_s)

    def _changed(self, now: int, replicas: int, wanted: int) -> int:
        longest = max(policy.period_s for rules in (self.scaling.up, self.scaling.down) for policy in rules.policies)
        self._changes = [(at, change) for at, change in self._changes if at > now - longest]
        if wanted != replicas:
            self._changes.append((now, wanted - replicas))
        return wanted


def desired(scaling: Scaling, replicas: int, metric: int) -> int:
    """Return `ceil(metric / queue_length)`, or what there is where that is within the tolerance."""
    ratio = metric / (scaling.queue_length * replicas)
    tolerance = scaling.up.tolerance if ratio > 1 else scaling.down.tolerance
    return replicas if abs(ratio - 1) <= tolerance else math.ceil(metric / scaling.queue_length)


def _limit_of(policy: Policy, start: int, *, up: bool) -> int:
    """Return what a policy allows, from the replicas at its period's start on; a share is rounded away from them."""
    sign = 1 if up else -1
    if policy.type == "Pods":
        return start + sign * policy.value
    share = start * (1 + sign * policy.value / 100)
    return math.ceil(share) if up else math.floor(share)
