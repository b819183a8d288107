"""The demo app as the tests and the command serve it: its build, the local server, the static site."""
