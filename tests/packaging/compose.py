# SPDX-License-Identifier: MIT
#
# What docker/compose.yaml says of a service, as arguments of `podman run`, one
# a line:
#
#   compose.py SERVICE NAME=VALUE...    what ${NAME} stands for
import re
import sys

import yaml

service, *pairs = sys.argv[1:]
given = dict(pair.split("=", 1) for pair in pairs)
file = yaml.safe_load(open("docker/compose.yaml"))
spec = file["services"][service]


def fill(text):
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda m: given[m[1]], str(text))


known = {
    "image": None, "build": None, "depends_on": None, "restart": None,
    "deploy": None, "command": None, "environment": None, "stop_grace_period":
    None, "read_only": lambda v: ["--read-only"] if v else [],
    "cap_drop": lambda v: [f"--cap-drop={c}" for c in v],
    "security_opt": lambda v: ["--security-opt=" + o.split(":")[0] for o in v],
    "mem_limit": lambda v: [f"--memory={v}"],
    "cpus": lambda v: [f"--cpus={v}"],
    "pids_limit": lambda v: [f"--pids-limit={v}"],
}
lines = []
for key, value in spec.items():
    if key not in known:
        sys.exit(f"compose.py does not know what {key} is")
    if known[key]:
        lines += known[key](value)
for name, value in spec["environment"].items():
    lines.append(f"--env={name}={fill(value)}")
lines.append(f"--network-alias={service}")
lines.append(fill(spec["image"]))
lines += [str(word) for word in spec.get("command", [])]
print("\n".join(lines))
