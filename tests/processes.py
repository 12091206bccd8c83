"""Programs in a process of their own."""

import os
import subprocess
import sys


def in_process(program: str, *arguments: str, **environment: str) -> str:
    """Run a Python program and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
