# SPDX-License-Identifier: MIT
#
# Reads --help on standard input and every YAML file of docker/; prints what
# they name and the program does not know, and pods that may do too much.
import glob
import re
import sys

import yaml

flags = set(re.findall(r"^  (--[a-z0-9-]+)", sys.stdin.read(), re.M))
names = {"LIPSCHITZD_" + f[2:].upper().replace("-", "_") for f in flags}
metrics = set(re.findall(r'X\(\w+, "(\w+)"', open("server/metrics.h").read()))


def complain(path, what):
    print(f"{path}: {what}")


def walk(node):
    yield node
    children = node.values() if isinstance(node, dict) else node
    if isinstance(node, (dict, list)):
        for child in children:
            yield from walk(child)


def check_words(path, node):
    for item in walk(node):
        if isinstance(item, dict):
            for key in item:
                check_text(path, str(key))
        elif isinstance(item, str):
            check_text(path, item)


def check_text(path, text):
    if re.fullmatch(r"LIPSCHITZD_[A-Z0-9_]+", text) and text not in names:
        complain(path, f"{text} is no option")
    if re.fullmatch(r"--[a-z0-9-]+(=.*)?", text):
        if text.split("=")[0] not in flags:
            complain(path, f"{text} is no flag")
    metric = re.fullmatch(r"lipschitzd_([a-z_]+)", text)
    if metric and metric[1] not in metrics:
        complain(path, f"{text} is no metric")


def check_pod(path, pod):
    if not pod.get("securityContext", {}).get("runAsNonRoot"):
        complain(path, "a pod may run as root")
    for container in pod["containers"]:
        context = container.get("securityContext", {})
        if not context.get("readOnlyRootFilesystem"):
            complain(path, "a root file system may be written")
        if context.get("capabilities", {}).get("drop") != ["ALL"]:
            complain(path, "capabilities are kept")
        if "livenessProbe" not in container:
            complain(path, "a container has no liveness probe")


def check_labels(path, documents):
    """Whatever selects pods finds some."""
    pods = [d["spec"]["template"]["metadata"]["labels"]
            for d in documents if d["kind"] == "Deployment"]
    for document in documents:
        spec = document.get("spec", {})
        wanted = spec.get("selector") or spec.get("podSelector")
        wanted = (wanted or {}).get("matchLabels", wanted)
        if wanted and not any(wanted.items() <= pod.items() for pod in pods):
            complain(path, f"{document['kind']} {document['metadata']['name']} "
                           "selects no pod")


everything = []
for path in sorted(glob.glob("docker/**/*.yaml", recursive=True)):
    documents = [d for d in yaml.safe_load_all(open(path)) if d]
    for document in documents:
        check_words(path, document)
        if document.get("kind") == "Deployment":
            check_pod(path, document["spec"]["template"]["spec"])
    if "/kubernetes/" in path:
        everything += documents
check_labels("docker/kubernetes", everything)
kinds = {d["kind"] for d in everything}
for kind in ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget",
             "NetworkPolicy", "Service"):
    if kind not in kinds:
        complain("docker/kubernetes", f"there is no {kind}")
for service in ("serve", "worker", "balancer", "database"):
    if service not in yaml.safe_load(open("docker/compose.yaml"))["services"]:
        complain("docker/compose.yaml", f"there is no service {service}")
