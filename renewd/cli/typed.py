"""The command line as it was typed, for who hands it on."""

TYPED = "renewd.typed"  # in click's meta: the words from the command on
