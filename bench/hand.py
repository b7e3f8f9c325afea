"""Does by hand what the worker does: downloads, runs one ffmpeg, uploads, each when the one before has ended.

The transfers are the AWS CLI's: its library (s3transfer) with its defaults, parts of 8 MB, ten at once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig, create_transfer_manager


def main() -> int:
    """Parse the command line and do it; what ffmpeg writes into ``directory`` goes up."""
    parser = argparse.ArgumentParser(prog="bench.hand", description=__doc__)
    parser.add_argument("--from", dest="source", metavar="KEY", required=True, help="key in the bucket raw")
    parser.add_argument("--to", dest="target", metavar="FILE", type=Path, required=True, help="where it is downloaded")
    parser.add_argument("directory", type=Path, help="where ffmpeg writes, which is empty")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command")
    arguments = parser.parse_args()
    manager = create_transfer_manager(boto3.client("s3"), TransferConfig())
    with manager:
        manager.download("raw", arguments.source, str(arguments.target)).result()
        subprocess.run(arguments.command, check=True)
        paths = [path for path in arguments.directory.iterdir() if path.is_file()]
        sent = [manager.upload(str(path), "final", f"by-hand/{path.name}") for path in paths]
        for upload in sent:
            upload.result()
    return 0


if __name__ == "__main__":
    sys.exit(main())
