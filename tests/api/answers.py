# SPDX-License-Identifier: MIT
#
# What the OpenAPI document says of an answer, and what holds for every answer:
# its status, its type, its fields, every member of its body.
import json
import re

# Fields of HTTP itself and of every answer, which no operation lists.
COMMON = {"date", "connection", "keep-alive", "content-length", "content-type",
          "transfer-encoding", "x-content-type-options", "x-request-id",
          "traceresponse", "cache-control", "content-security-policy",
          "referrer-policy", "x-frame-options", "vary",
          "cross-origin-resource-policy", "cross-origin-opener-policy",
          "permissions-policy", "strict-transport-security", "accept-ranges",
          "access-control-allow-origin", "access-control-expose-headers"}
NEEDED = {201: ["location"], 202: ["location", "retry-after"],
          401: ["www-authenticate"], 405: ["allow"], 429: ["retry-after"],
          503: ["retry-after"]}
EVENT = re.compile(r"(id|event|data|retry): ?(.*)")


class Answers:
    def __init__(self, document, schemas):
        self.document = document
        self.schemas = schemas
        self.titles = {}

    def documented(self, operation, status):
        responses = operation.node["responses"]
        for key in (str(status), f"{status // 100}XX"):
            if key in responses:
                return self.schemas.resolve(responses[key])
        return None

    def judge(self, operation, request, answer):
        """What is wrong with an answer, as a list of sentences. Without an
        operation the address or the method is none of the document's."""
        found = []
        status, fields = answer.status, answer.fields
        # 507 is a quota that is used up; nothing else is our own fault.
        if status >= 500 and status != 507 and not (
                status == 503 and "retry-after" in fields):
            found.append(f"status {status}: {answer.body[:300]!r}")
        if not re.fullmatch(r"[A-Za-z0-9_.:+/=-]{1,64}",
                            fields.get("x-request-id", "")):
            found.append("no X-Request-Id")
        for name in NEEDED.get(status, []):
            if name not in fields and not (
                    status == 202 and request.method == "DELETE"):
                found.append(f"{status} without {name}")
        described = operation and self.documented(operation, status)
        if operation and not described:
            found.append(f"status {status} is not documented: "
                         f"{answer.body[:300]!r}")
        if not operation and status not in (400, 401, 403, 404, 405, 429, 503):
            found.append(f"status {status} where there is nothing")
        if described:
            self.judge_fields(described, fields, found)
        if request.method != "HEAD":
            self.judge_body(described, answer, found)
        elif answer.body:
            found.append("HEAD is answered with a body")
        return found

    def judge_fields(self, described, fields, found):
        known = {name.lower() for name in described.get("headers", {})}
        for name in fields:
            if name not in known | COMMON:
                found.append(f"field {name} is not documented")

    def judge_body(self, described, answer, found):
        media = answer.fields.get("content-type", "").split(";")[0]
        if media == "application/problem+json":
            self.judge_problem(answer, found)
        elif answer.status >= 400 and not (
                media == "application/json" and answer.status == 503):
            found.append(f"status {answer.status} with {media}")
        if not described:
            return
        content = described.get("content")
        if not content:
            if answer.body:
                found.append(f"{answer.status} has a body: "
                             f"{answer.body[:100]!r}")
            return
        if answer.status == 206:  # a part of a document is none
            return
        if media not in content:
            found.append(f"type {media!r} is not documented")
        elif media.endswith("json") and media != "application/problem+json":
            document = parse(answer.body, found)
            if document is not None:
                found += self.schemas.faults(content[media]["schema"],
                                             document)[:4]
                judge_bounds(document, found)
                judge_jobs(document, found)
        elif media == "text/event-stream":
            self.judge_events(answer.body, found)

    def judge_problem(self, answer, found):
        problem = parse(answer.body, found)
        if problem is None:
            return
        found += self.schemas.faults(
            {"$ref": "#/components/schemas/Problem"}, problem)[:4]
        if problem.get("status") != answer.status:
            found.append(f"problem says {problem.get('status')}")
        if problem.get("instance") != answer.fields.get("x-request-id"):
            found.append("problem has another instance")
        kind, title = problem.get("type"), problem.get("title")
        if self.titles.setdefault(kind, title) != title:
            found.append(f"{kind} has the title {title!r}, too")
        if not re.search(r"[.!?\"]$", problem.get("detail", "")):
            found.append(f"no sentence: {problem.get('detail')!r}")

    def judge_events(self, body, found):
        try:
            lines = body.decode().split("\n")
        except UnicodeDecodeError:
            found.append("events are not UTF-8")
            return
        event = None
        for line in lines:
            parts = EVENT.fullmatch(line)
            if line and not line.startswith(":") and not parts:
                found.append(f"no line of an event: {line!r:.80}")
            elif parts and parts[1] == "event":
                event = parts[2]
            elif parts and parts[1] == "data":
                document = parse(parts[2].encode(), found)
                name = {"progress": "Progress", "state": "JobState"}.get(event)
                if name and document is not None:
                    found += self.schemas.faults(
                        {"$ref": f"#/components/schemas/{name}"}, document)
                elif not name:
                    found.append(f"event {event!r} is not documented")


def twice(pairs):
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is there twice")
    return made


def parse(body, found):
    def constant(name):
        raise ValueError(name)
    try:
        return json.loads(body, parse_constant=constant,
                          object_pairs_hook=twice)
    except ValueError as error:
        found.append(f"no JSON, {error}: {body[:200]!r}")
        return None


def judge_jobs(document, found):
    """No job fails by our fault."""
    error = isinstance(document, dict) and document.get("error")
    if isinstance(error, dict) and error.get("status", 0) >= 500 and \
            error["status"] != 507:
        found.append(f"job {document.get('id')} failed: {error}")


def judge_bounds(document, found):
    """A lower bound is not above an upper one, and the best is the least."""
    if not isinstance(document, dict) or "bounds" not in document:
        return
    values = [b["upper_bound"] for b in document["bounds"]
              if "upper_bound" in b]
    best = document.get("best", {}).get("upper_bound")
    lower = document.get("lower_bound", {}).get("value", 0)
    if values and best is not None and best != min(values):
        found.append(f"best {best} is not the least of {values}")
    if values and lower > min(values):
        found.append(f"lower bound {lower} above {min(values)}")
