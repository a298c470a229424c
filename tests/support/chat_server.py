"""A server of OpenAI's chat protocol on loopback that answers what a test tells it to."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class ChatServer:
    """Keeps the requests; `answer` turns a prompt into a caption, or into an HTTP status."""

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append((self.path, self.headers["Authorization"], body))
                reply = answer(body["messages"][0]["content"])
                failed = isinstance(reply, int)
                self.send_response(reply if failed else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps({"error": "no"} if failed else _chat(reply)).encode())

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def prompts(self):
        return [body["messages"][0]["content"] for _, _, body in self.requests]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _chat(text):
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    kind = {"id": "1", "object": "chat.completion", "created": 0, "model": "qwen"}
    return kind | {"choices": [choice]}
