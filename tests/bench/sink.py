"""An SMTP server that takes every mail and forgets it. A process for each connection: it must not be what we measure.

Run as a script. It prints its port, and stops when its standard input closes.
"""

import os
import signal
import socket
import sys
from contextlib import suppress

END_OF_BODY = b"\r\n.\r\n"
ANSWERS = {
    b"DATA": b"354 go on\r\n",
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"QUIT": b"221 bye\r\n",
}


def serve(client: socket.socket) -> None:
    """One session: commands may come in any number at once, and bodies in any number of pieces."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(b"220 sink\r\n")
    received, in_body = b"", False
    while piece := client.recv(1 << 18):
        received += piece
        answers = []
        while True:
            end = received.find(END_OF_BODY if in_body else b"\r\n")
            if end < 0:
                break
            if in_body:
                received, in_body = received[end + len(END_OF_BODY) :], False
                answers.append(b"250 taken\r\n")
            else:
                verb, received = received[:4].upper(), received[end + 2 :]
                in_body = verb == b"DATA"
                answers.append(ANSWERS.get(verb, b"250 ok\r\n"))
        if answers:
            client.sendall(b"".join(answers))


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the sessions
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    if os.fork():
        sys.stdin.read()
        os.killpg(0, signal.SIGTERM)
    while True:
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            with suppress(OSError):  # the other side hung up
                serve(client)
            os._exit(0)
        client.close()


if __name__ == "__main__":
    os.setpgid(0, 0)
    main()
