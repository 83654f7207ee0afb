"""A real web server on this machine that serves one archive, well or badly, by path."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, what = self.server, self.path.partition("?")[0].strip("/").removesuffix(".zip")
        server.asked.append(what)
        if what in ("missing", "forbidden", "broken"):
            self.send_error({"missing": 404, "forbidden": 403, "broken": 503}[what])
            return
        content = server.content
        self.send_response(200)
        if what != "uncounted":
            self.send_header("Content-Length", len(content))
        self.end_headers()
        self.close_connection = True
        cut = what == "cut" or (what == "cut-once" and server.asked.count(what) == 1)
        if cut or what == "silent":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if what == "silent":
                server.stopping.wait(30)
        else:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def serving(content):
    """The server, while inside: `.url(what)` is an address, `.asked` what was asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.asked, server.stopping = content, [], threading.Event()
        server.url = lambda what: f"http://127.0.0.1:{server.server_port}/{what}.zip"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
