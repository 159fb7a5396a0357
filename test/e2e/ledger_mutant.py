"""ledger_mutant - the ledger must catch a build that moves its offset before the rows are written.

The two broken logs (acknowledging before the sync, not cutting a torn tail) need a loss of power,
which `kill -9` is not: test/fault/log_fault_test.c catches them on a file system in memory."""
import os
import runpy

os.environ.setdefault('LEDGER_MUTANT', 'offset-before-effect')
os.environ.setdefault('LEDGER_KILLS', '3')
os.environ.setdefault('LEDGER_POINTS', '40')
runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ledger.py'))
