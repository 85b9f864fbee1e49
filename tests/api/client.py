# SPDX-License-Identifier: MIT
#
# HTTP/1.1 with nothing between the fuzzer and the bytes: a request as it is
# sent, an answer as it came. Connections are kept open.
import socket
import time


class Request:
    def __init__(self, method, target, fields, body=None, pieces=None):
        self.method, self.target = method, target
        self.fields, self.body, self.pieces = fields, body, pieces

    def raw(self):
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: fuzz"]
        lines += [f"{name}: {value}" for name, value in self.fields]
        body = self.body
        if body is not None and self.pieces:
            lines.append("Transfer-Encoding: chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part)
                            for part in self.pieces if part) + b"0\r\n\r\n"
        elif body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1", "replace") + \
            b"\r\n\r\n" + (body or b"")


class Answer:
    def __init__(self, status, fields, body, whole):
        self.status, self.fields = status, fields
        self.body, self.whole = body, whole
        self.seconds = 0.0


class Broken(Exception):
    """No answer, or one that is no HTTP."""


class Client:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.socket = None
        self.pending = b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket, self.pending = None, b""

    def ask(self, request, patience, stream=None):
        """The answer; of a stream what came within so many seconds."""
        began = time.monotonic()
        for again in (True, False):
            fresh = self.socket is None
            try:
                if fresh:
                    self.socket = socket.create_connection(self.address, 10)
                self.socket.settimeout(patience)
                self.send(request.raw())
                answer = self.read(request.method, stream)
                break
            except (OSError, Broken) as error:
                self.close()
                # One that was idle may have been closed in the meantime.
                if fresh or not again or isinstance(error, socket.timeout):
                    raise Broken(f"{type(error).__name__}: {error}") from error
        answer.seconds = time.monotonic() - began
        if answer.fields.get("connection") == "close" or not answer.whole:
            self.close()
        return answer

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused at its head: the answer is there

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise Broken("the connection ended early")
        self.pending += data

    def take(self, size):
        while len(self.pending) < size:
            self.more()
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def line(self):
        while b"\r\n" not in self.pending:
            self.more()
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line

    def head(self):
        version, status, *_ = self.line().split(b" ")
        if version != b"HTTP/1.1":
            raise Broken(f"version {version!r}")
        fields = {}
        while line := self.line().decode("latin-1"):
            name, value = line.split(":", 1)
            if name.lower() in fields:
                raise Broken(f"the field {name} is there twice")
            fields[name.lower()] = value.strip()
        return int(status), fields

    def read(self, method, stream):
        status, fields = 100, {}
        while status < 200:
            status, fields = self.head()
        whole, body = True, b""
        if method == "HEAD" or status in (204, 304):
            pass
        elif fields.get("transfer-encoding") == "chunked":
            whole, body = self.chunks(stream)
        elif "content-length" in fields:
            body = self.take(int(fields["content-length"]))
        elif fields.get("connection") != "close":
            raise Broken("no length")
        return Answer(status, fields, body, whole)

    def chunks(self, stream):
        if stream:
            self.socket.settimeout(stream)
        body = b""
        try:
            while size := int(self.line().split(b";")[0], 16):
                body += self.take(size)
                self.line()
            self.line()
        except socket.timeout:
            if not stream:
                raise
            return False, body[:body.rfind(b"\n") + 1]
        return True, body
