"""The cluster, as far as the deployer may know it: every call of kubectl goes through one function."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer.commands import tail
from deployer.errors import DeployError
from deployer.limits import REQUEST_S

if TYPE_CHECKING:
    from deployer.commands import Commands, Completed

NAMESPACE = "leadline"
# Server-side: a field that an older release applied and this one no longer names goes away, and what others own (KEDA:
# replicas) stays. Conflicts are forced, because a field that somebody has changed by hand must not keep the last good
# release from being put back.
APPLY = ("--server-side", "--force-conflicts", "--field-manager=leadline-deployer")


@dataclass(frozen=True)
class Kubectl:
    """kubectl in the one namespace that the deployer's Role is for."""

    commands: Commands

    def call(self, *words: str, stdin: str | None = None, fine: tuple[int, ...] = (0,)) -> Completed:
        """
        Call kubectl once.

        Args:
            words: Verb, resource and flags.
            stdin: What `-f -` reads.
            fine: Exit codes that are no failure.

        Returns:
            What it left.

        Raises:
            DeployError: It failed, or was killed because it gave no answer.
        """
        everywhere = (f"--namespace={NAMESPACE}", f"--request-timeout={REQUEST_S}s")
        return self.commands.run("kubectl", *words, *everywhere, stdin=stdin, fine=fine)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """
        Read one object.

        Args:
            kind: Resource, such as `deployment`.
            name: Its name.

        Returns:
            The object, or none if there is no such object.

        Raises:
            DeployError: The cluster gave no answer, or no right to read it.
        """
        out = self.call("get", kind, name, "--ignore-not-found", "--output=json").out
        return dict(json.loads(out)) if out.strip() else None

    def get_all(self, kind: str, selector: str) -> list[dict[str, Any]]:
        """
        Read all objects that bear a label.

        Args:
            kind: Resource, such as `jobs`.
            selector: Label selector.

        Returns:
            The objects.

        Raises:
            DeployError: The cluster gave no answer, or no right to list them.
        """
        out = self.call("get", kind, f"--selector={selector}", "--output=json").out
        return list(json.loads(out)["items"])

    def apply(self, manifests: str) -> None:
        """
        Make the cluster have these objects, as they are written here.

        Args:
            manifests: YAML documents.

        Raises:
            DeployError: At least one was refused; those before it are applied.
        """
        self.call("apply", *APPLY, "--filename=-", stdin=manifests)

    def diff(self, manifests: str) -> str:
        """
        Ask the API server what applying would change; it changes nothing.

        Args:
            manifests: YAML documents.

        Returns:
            The difference, empty if there is none.

        Raises:
            DeployError: It could not be told.
        """
        done = self.call("diff", *APPLY, "--filename=-", stdin=manifests, fine=(0, 1))
        # 1 says "there are differences"; a difference that nobody can see is an error that came with the same code.
        if done.code == 1 and not done.out.strip():
            raise DeployError(f"`kubectl diff` failed with exit code 1 and no difference: {tail(done.err)}")
        return done.out

    def remove(self, kind: str, name: str) -> None:
        """
        Delete one object; that there is none is fine.

        Args:
            kind: Resource, such as `job`.
            name: Its name.

        Raises:
            DeployError: It was refused.
        """
        # Foreground: the object is seen until its pods are gone. Not waited for here: that would need `watch`.
        self.call("delete", kind, name, "--ignore-not-found", "--cascade=foreground", "--wait=false")
