"""Scores factors with a model behind HTTP. Standard library only.

    python3 objective.py URL

The server answers GET URL/objective?targetLength=N with {"name", "fingerprint", "documents": [{"name", "tokens"}], "heldOut": [...]}
and POST URL/loss of {"document", "factors", "attentionFactor", "startTokens"} with {"lossSum", "tokens"}; lossSum null = not finite.
"""

import json
import sys
import urllib.error
import urllib.request

url = sys.argv[1].rstrip("/")


def fetch(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def say(message):
    print(json.dumps(message, allow_nan=False), flush=True)


hello = json.loads(sys.stdin.readline())
say({"type": "hello", "protocol": "longrope-objective/1", **fetch(f"/objective?targetLength={hello['targetLength']}")})
for line in sys.stdin:
    request = json.loads(line)
    keys = ("document", "factors", "attentionFactor", "startTokens")
    try:
        say({"type": "loss", "id": request["id"], **fetch("/loss", {key: request[key] for key in keys})})
    except (OSError, ValueError) as error:
        say({"type": "error", "id": request["id"], "message": f"{url}: {error}"})
