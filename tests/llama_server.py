"""llama.cpp's own server on a GGUF file, as a child process: ``PYTHON tests/llama_server.py FILE`` prints its address.

Runs in an environment that has xllamacpp, and ends when its standard input does. Needs nothing of Thermoscope.
"""

from __future__ import annotations

import sys


def main() -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.n_ctx = int(sys.argv[2]) if len(sys.argv) > 2 else 256
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    server = xllamacpp.Server(params)
    sys.stdout.write(f"address {server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
