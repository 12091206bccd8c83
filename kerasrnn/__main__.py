"""`python -m kerasrnn` is the kerasrnn command."""

from kerasrnn.cli import run

if __name__ == "__main__":
    run()
