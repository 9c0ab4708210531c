"""Lets every test say ``from helpers import assert_close``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
