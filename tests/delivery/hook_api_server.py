"""As much of an API server, over the stand-in's cluster, as the real kubectl needs: it notes every request."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.delivery.stand_in_kubectl import RESOURCES, Cluster, key_of, template_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSIONS = {"": "v1", "keda.sh": "v1alpha1"}
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]
Right = tuple[str, str, str]


def path_of(group: str) -> str:
    """Return where a group's resources lie."""
    return "api/v1" if not group else f"apis/{group}/{VERSIONS.get(group, 'v1')}"


PATHS = {f"/{path_of(group)}/namespaces/leadline/{plural}": kind for kind, (group, plural) in RESOURCES.items()}


def discovery() -> dict[str, Any]:
    """Return what `/api`, `/apis` and each group's own path answer."""
    groups = sorted({group for group, _ in RESOURCES.values()})
    named = [
        {
            "name": group,
            "versions": [
                version := {
                    "groupVersion": f"{group}/{VERSIONS.get(group, 'v1')}",
                    "version": VERSIONS.get(group, "v1"),
                }
            ],
            "preferredVersion": version,
        }
        for group in groups
        if group
    ]
    answers: dict[str, Any] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": named},
        "/openapi/v3": {
            "paths": {path_of(group): {"serverRelativeURL": f"/openapi/v3/{path_of(group)}"} for group in groups}
        },
    }
    for group in groups:
        kinds = {kind: plural for kind, (of, plural) in RESOURCES.items() if of == group}
        answers[f"/{path_of(group)}"] = {
            "kind": "APIResourceList",
            "groupVersion": path_of(group).split("/", 1)[1],
            "resources": [resource(kind, plural) for kind, plural in kinds.items()],
        }
        answers[f"/openapi/v3/{path_of(group)}"] = {
            "openapi": "3.0.0",
            "paths": {f"/{kind}": checks(group, kind) for kind in kinds},
        }
    return answers


def resource(kind: str, plural: str) -> dict[str, Any]:
    """Return a resource as discovery names it."""
    names = {"name": plural, "singularName": kind.lower(), "kind": kind}
    return {**names, "namespaced": True, "verbs": VERBS}


def checks(group: str, kind: str) -> dict[str, Any]:
    """Say of a kind that the server checks its fields itself: then kubectl asks for that, and does not check them."""
    gvk = {"group": group, "version": VERSIONS.get(group, "v1"), "kind": kind}
    return {
        "patch": {"x-kubernetes-group-version-kind": gvk, "parameters": [{"name": "fieldValidation", "in": "query"}]}
    }


class Handler(BaseHTTPRequestHandler):
    """Answers one request from the cluster, as the API server would."""

    cluster: Cluster
    seen: set[Right]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Discovery, one object, a list, or a log."""
        address = urlsplit(self.path)
        if address.path in DISCOVERY:
            return self.reply(200, DISCOVERY[address.path])
        collection, _, rest = self.resource(address.path)
        kind, query = PATHS.get(collection), parse_qs(address.query)
        if kind is None:
            return self.reply(404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})
        if rest.endswith("/log"):
            self.note("get", "Pod", "/log")
            return self.reply(200, "a line of the log\n")
        if rest:
            self.note("get", kind)
            return self.object(self.cluster.objects.get(f"{kind}/{rest}"))
        self.note("watch" if query.get("watch") else "list", kind)
        label, _, value = query["labelSelector"][0].partition("=")
        items = self.cluster.pods(value) if kind == "Pod" else self.cluster.labelled(kind, label, value)
        group = RESOURCES[kind][0]
        version = path_of(group).split("/", 1)[1]
        return self.reply(200, {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": items})

    def do_PATCH(self) -> None:
        """Apply server-side, on trial or for good, or merge."""
        address = urlsplit(self.path)
        collection, _, name = self.resource(address.path)
        kind, key = PATHS[collection], f"{PATHS[collection]}/{name}"
        query, body = parse_qs(address.query), yaml.load(self.body(), Loader=yaml.CSafeLoader)
        self.note("patch", kind)
        if self.headers["Content-Type"] == "application/json-patch+json":
            body = {"spec": {"template": template_in(body)}}
        if self.headers["Content-Type"] != "application/apply-patch+yaml":
            return self.object(self.merged(self.cluster.objects[key], body))
        if key not in self.cluster.objects:
            self.note("create", kind)
        assert query["fieldManager"] == ["leadline-deployer"]
        assert query["force"] == ["true"]
        assert key_of(body) == key
        made = self.cluster.applied(body)
        if query.get("dryRun") != ["All"]:
            self.cluster.objects[key] = made
        return self.object(made)

    def merged(self, found: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
        """Merge replicas or annotations into an object; the annotations are not the release's."""
        if "spec" in patch:
            found["spec"] |= patch["spec"]
            found["metadata"]["generation"] += 1
        for name, value in patch.get("metadata", {}).get("annotations", {}).items():
            for place in (found["others"], found["metadata"]["annotations"]):
                place.pop(name) if value is None else place.update({name: value})
        return found

    def do_DELETE(self) -> None:
        """Delete one object at once."""
        collection, _, name = self.resource(urlsplit(self.path).path)
        self.body()
        self.note("delete", PATHS[collection])
        self.cluster.objects.pop(f"{PATHS[collection]}/{name}", None)
        self.reply(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def resource(self, path: str) -> tuple[str, str, str]:
        """Return a path's collection, and what follows it."""
        parts = path.split("/")
        end = parts.index("leadline") + 2 if "leadline" in parts else len(parts)
        return "/".join(parts[:end]), "/", "/".join(parts[end:])

    def note(self, verb: str, kind: str, more: str = "") -> None:
        """Remember the right that a request needs."""
        group, plural = RESOURCES[kind]
        self.seen.add((verb, group, plural + more))

    def body(self) -> bytes:
        """Read the request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def object(self, found: dict[str, Any] | None) -> None:
        """Answer with an object, or that there is none."""
        if found is None:
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            return self.reply(404, {**missing, "message": "not found"})
        known = {name: value for name, value in self.cluster.seen(found).items() if name not in ("others", "lag")}
        return self.reply(200, known)

    def reply(self, code: int, content: Any) -> None:  # noqa: ANN401  any JSON, or a log's text
        """Send an answer."""
        text = content if isinstance(content, str) else json.dumps(content)
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


DISCOVERY = discovery()


@contextmanager
def api_server(cluster: Cluster, kubeconfig: Path) -> Iterator[set[Right]]:
    """Serve a cluster on this machine, write a kubeconfig for it, and give the rights that its requests needed."""
    seen: set[Right] = set()
    handler = type("Bound", (Handler,), {"cluster": cluster, "seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stub", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "deployer", "user": {}}],
        "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": "deployer"}}],
        "current-context": "stub",
    }
    kubeconfig.write_text(json.dumps(content), encoding="utf-8")
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
