#!/bin/bash
# Whatever a plugin is linked with, it exports flow_plugin_entry and nothing else.
set -eu
status=0
checked=0
for source in "$FLOWRUN_SOURCE_DIR"/tests/{abi,contract}/test_plugins/*.c{,pp}; do
  [ -e "$source" ] || continue
  name=$(basename "$source"); name=${name%.*}
  plugin=$FLOWRUN_TEST_PLUGIN_DIR/$name.so
  symbols=$(nm --dynamic --defined-only --format=posix "$plugin" | cut -d' ' -f1)
  checked=$((checked + 1))
  if [ "$symbols" != flow_plugin_entry ]; then
    echo "$name.so must export flow_plugin_entry and nothing else; it exports:" >&2
    echo "$symbols" >&2
    status=1
  fi
done
[ "$checked" -gt 0 ] || { echo "no plugin to check in $FLOWRUN_TEST_PLUGIN_DIR" >&2; exit 1; }
exit $status
