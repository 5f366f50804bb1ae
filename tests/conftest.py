"""What holds for every test: no report but the HTML unless a test is about the others."""

from __future__ import annotations

import os

os.environ.setdefault("FAMILIEBANER_FORMATS", "")  # also for the processes that tests start
