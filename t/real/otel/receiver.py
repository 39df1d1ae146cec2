# SPDX-License-Identifier: Apache-2.0
#
# A collector of OpenTelemetry for tests: reads what it is sent with the classes
# of opentelemetry-proto, and refuses what these do not know. A strict reader: a
# field that a real collector would pass over is a 400 here. Prints its port, and
# ends with its standard input. With the file of a certificate and that of its
# key it speaks TLS, and notes whether a client shows that certificate. GET /_all gives what came, POST /_answers the
# answers to come: [{"status", "headers", "body", "wait"}, ...].
import base64
import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

TYPES = {
    "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
    "/v1/logs": logs_service_pb2.ExportLogsServiceRequest,
}
IDS = ("traceId", "spanId", "parentSpanId")

lock = threading.Lock()
came, answers = [], []


def ids(value, turn):
    """The ids of OTLP's JSON are hexadecimal, those of protobuf's base64."""
    if isinstance(value, list):
        return [ids(v, turn) for v in value]
    if isinstance(value, dict):
        return {k: turn(v) if k in IDS else ids(v, turn) for k, v in value.items()}
    return value


def from_hex(text):
    if len(text) not in (16, 32):
        raise ValueError("an id of %d digits" % len(text))
    return base64.b64encode(bytes.fromhex(text)).decode()


def to_hex(text):
    return base64.b64decode(text).hex()


def integers(value):
    """Words of enumerations are refused: a real collector drops them."""
    for key, v in value.items() if isinstance(value, dict) else enumerate(value):
        if key in ("kind", "code", "severityNumber") and not isinstance(v, int):
            raise ValueError("%s is no integer" % key)
        if isinstance(v, (dict, list)):
            integers(v)


def read(path, kind, body):
    message = next(kind for end, kind in TYPES.items() if path.endswith(end))()
    if kind == "application/x-protobuf":
        message.ParseFromString(body)
        if message.SerializeToString() != body and message.ByteSize() != len(body):
            raise ValueError("unknown fields")
    else:
        root = json.loads(body)
        integers(root)
        json_format.ParseDict(ids(root, from_hex), message)
    told = json_format.MessageToDict(message, use_integers_for_enums=True)
    return ids(told, to_hex)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # nobody waits for it any more

    def do_GET(self):
        with lock:
            self.answer(200, json.dumps(came).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/_answers":
            with lock:
                came.clear()
                answers[:] = json.loads(body)
            return self.answer(200, b"{}")
        one = {"path": self.path, "headers": dict(self.headers.items()), "bytes": len(body), "raw": body.decode("latin-1"),
               "at": time.time()}
        if isinstance(self.connection, ssl.SSLSocket):
            one["shown"] = self.connection.getpeercert() or None
        try:
            one["told"] = read(self.path, self.headers["Content-Type"], body)
        except Exception as e:  # whatever is wrong with it, the test shall see it
            one["wrong"] = repr(e)
        with lock:
            came.append(one)
            planned = answers.pop(0) if answers else {}
        # The answer is late.
        time.sleep(planned.get("wait", 0))
        protobuf = self.headers["Content-Type"] == "application/x-protobuf"
        usual = "" if protobuf else "{}"
        self.answer(400 if "wrong" in one else planned.get("status", 200),
                    planned.get("body", usual).encode("latin-1"), planned.get("headers"))


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 2:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=sys.argv[1])
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    # Tests ask what came without one.
    tls.verify_mode = ssl.CERT_OPTIONAL
    server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
