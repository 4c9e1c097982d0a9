#!/bin/sh
# AfterInstall: what would change, and does the new image do its work in the canary's lane? Nothing that serves is touched.
set -eu
deploy=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
PATH="$PATH:/usr/local/bin:/usr/bin:/bin"
python=$(command -v python3.11 || command -v python3) || {
    echo "neither python3.11 nor python3 is on the PATH; install one on the deployer" >&2
    exit 78
}
# -B: a __pycache__ would be a file that release.json does not name, and the next hook would refuse it.
# exec: CodeDeploy's SIGTERM at the timeout must reach Python, not a shell that waits for it.
export PATH PYTHONPATH="$deploy"
exec "$python" -B -m deployer rehearse
