#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""token_server.py PORT KEY CERT LOG: tokens as docker-registry takes them (distribution's "token" auth).

Anonymous requests get a token for pulling public/*; ann with the password canary-secret one for everything
that she asks for. Tokens live for $TOKEN_LIFE seconds (60). Every request is a line of JSON in LOG.
"""
import base64
import http.server
import json
import os
import subprocess
import sys
import time
import urllib.parse

port, key, cert, log = sys.argv[1:]
life = int(os.environ.get("TOKEN_LIFE", "60"))


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims):
    with open(cert) as file:
        der = "".join(line.strip() for line in file if "-----" not in line)
    text = b64(json.dumps({"alg": "RS256", "typ": "JWT", "x5c": [der]}).encode()) + "." + b64(json.dumps(claims).encode())
    made = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), stdout=subprocess.PIPE, check=True)
    return text + "." + b64(made.stdout)


def granted(scope, user):
    kind, name, actions = scope.split(":")[0], ":".join(scope.split(":")[1:-1]), scope.split(":")[-1].split(",")
    if not user:
        actions = [a for a in actions if a == "pull" and name.startswith("public/")]
    return {"type": kind, "name": name, "actions": actions}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.answer(query, self.headers.get("Authorization", ""))

    def do_POST(self):
        query = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        given = query.get("username", [""])[0] + ":" + query.get("password", [""])[0]
        if query.get("grant_type") == ["refresh_token"] and query.get("refresh_token") == ["canary-refresh"]:
            given = "ann:canary-secret"
        self.answer(query, "Basic " + base64.b64encode(given.encode()).decode())

    def answer(self, query, authorization):
        with open(log, "a") as file:
            print(json.dumps({"path": self.path, "authorization": authorization, "query": query}), file=file)
        user = ""
        if authorization.startswith("Basic "):
            if base64.b64decode(authorization[6:]) != b"ann:canary-secret":
                return self.reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})
            user = "ann"
        now = int(time.time())
        access = [granted(s, user) for item in query.get("scope", []) for s in item.split(" ")]
        claims = {"iss": "issuer", "sub": user, "aud": "test", "exp": now + life, "nbf": now - 10, "iat": now}
        token = sign({**claims, "jti": str(time.time_ns()), "access": access})
        self.reply(200, {"token": token, "access_token": token, "expires_in": life})

    def reply(self, status, doc):
        body = json.dumps(doc).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
