#!/bin/sh
':' //; exec node -- "$0" "$@" # without --, Node takes an --env-file for its own, even behind a script
require('../dist/start.cjs');
