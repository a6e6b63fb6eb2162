"""`python -m lamina` is the same as `lamina`."""

from lamina.cli import main

if __name__ == '__main__':
    main()
