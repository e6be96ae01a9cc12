# cmake -D NM=nm -D PLUGIN=file.so -P check_exports.cmake
# Fails unless flow_plugin_entry is the only dynamic symbol that the plugin defines.

execute_process(COMMAND ${NM} --dynamic --defined-only --format=posix ${PLUGIN} OUTPUT_VARIABLE listing
                COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" lines "${listing}")
list(TRANSFORM lines REPLACE " .*" "")
if(NOT lines STREQUAL "flow_plugin_entry")
  list(JOIN lines "\n  " lines)
  message(FATAL_ERROR "${PLUGIN} must export flow_plugin_entry and nothing else; it exports:\n  ${lines}")
endif()
