# SPDX-License-Identifier: MIT
#
# The log of a daemon that was asked odd things: every line is a JSON object, a
# line for each request, and none has a secret.
#
#   log.py LOG LEAST [SECRET...]      LEAST: lines of requests that must be there
import json
import sys

path, least, *secrets = sys.argv[1:]
requests = faults = 0
with open(path, "rb") as file:
    for number, line in enumerate(file, 1):
        try:
            entry = json.loads(line)
            requests += entry["event"] == "request"
        except (ValueError, KeyError, TypeError) as error:
            faults += 1
            if faults <= 40:
                print(f"line {number}: {error!r}: {line[:200]!r}")
        if any(secret.encode() in line for secret in secrets):
            faults += 1
            print(f"line {number} has a token")
if requests < int(least):
    faults += 1
    print(f"{requests} requests in the log, not {least}")
sys.exit(faults > 0)
