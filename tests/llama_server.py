"""llama.cpp's own server on a GGUF file, as a child process, which prints its address.

``PYTHON tests/llama_server.py FILE TOKENS SLOTS``: the tokens of one text, and how many texts it makes at once. Runs in
an environment that has xllamacpp, and ends when its standard input does. Needs nothing of Thermoscope.
"""

from __future__ import annotations

import sys


def main() -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.port = 0
    params.n_parallel = int(sys.argv[3])
    params.n_ctx = int(sys.argv[2]) * params.n_parallel
    params.endpoint_props = True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    server = xllamacpp.Server(params)
    sys.stdout.write(f"address {server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
