"""`python -m core COMMAND`: styles without Blender; see commands/."""

import sys

from .commands import main, prepare_output

if __name__ == "__main__":
    prepare_output()
    sys.exit(main(sys.argv[1:]))
