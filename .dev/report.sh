# shellcheck shell=bash
# Writes the tables and plots of docs/performance.md from bench/results.
need python3-matplotlib
/usr/bin/python3 bench/report/report.py bench/results --markdown docs/performance.md --plots docs/plots "$@"
