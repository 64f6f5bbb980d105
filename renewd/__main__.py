"""python -m renewd."""

from renewd.cli.main import main

main()
