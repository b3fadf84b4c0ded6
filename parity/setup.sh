#!/usr/bin/env bash
# Makes the Python environment of parity/ and bench/evaluate: .venv under the project, from the pinned requirements.
# LONGROPE_PYTHON=/path/to/python uses an interpreter of yours instead. Does nothing when all pins are there already.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -d parity/llama-cpp/node_modules ] || npm install --prefix parity/llama-cpp --ignore-scripts --omit=optional --no-package-lock
python="${LONGROPE_PYTHON:-.venv/bin/python}"

satisfied() {
  "$python" - parity/requirements.txt <<'CHECK'
import sys
from importlib.metadata import PackageNotFoundError, version

missing = []
for line in open(sys.argv[1]):
    name, separator, wanted = line.strip().partition("==")
    if line.startswith("#") or not separator:
        continue
    try:
        found = version(name).split("+")[0]
    except PackageNotFoundError:
        found = "nothing"
    if found != wanted:
        missing.append(f"{name} {wanted} (found {found})")
if missing:
    print("missing in", sys.executable + ":", ", ".join(missing), file=sys.stderr)
sys.exit(bool(missing))
CHECK
}

if [ -n "${LONGROPE_PYTHON:-}" ]; then
  satisfied || { echo "LONGROPE_PYTHON must offer exactly what parity/requirements.txt names" >&2; exit 1; }
  exit 0
fi
[ -x "$python" ] && satisfied 2>/dev/null && exit 0
[ -x "$python" ] || python3 -m venv .venv
"$python" -m pip install --disable-pip-version-check --requirement parity/requirements.txt
satisfied
