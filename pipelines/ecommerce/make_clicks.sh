#!/usr/bin/env bash
# Makes clicks.csv, the clicks on which pipelines/recommendations.toml compares models when it is given no others.
# usage: make_clicks.sh [FLOWRUN]
set -euo pipefail
cd "$(dirname "$0")"
"${1:-../../build/flowrun}" pipe 'generate dataset=clicks rows=40000 users=4000 seed=7 ! filter where="event == '"'view'"'" ! keep fields=["session","item"] ! file path=clicks.csv mode=replace encoding={type="csv",header=true}'
