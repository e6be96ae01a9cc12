# flow_add_plugin(NAME SOURCES file... [LIBRARIES target...] [OUTPUT_DIRECTORY folder])
#
# Builds the flowrun plugin NAME.so, a module library linked with flow::sdk and LIBRARIES. Its only exported symbol
# is flow_plugin_entry: everything else stays hidden, so that two plugins may carry different versions of a library.
# It is left in OUTPUT_DIRECTORY, by default the folder of the project's build tree that called this function.
#
# flow_add_plugin_test(NAME SOURCES file... PLUGIN target [LIBRARIES target...])
#
# Builds the GoogleTest program NAME and registers its tests with CTest. The sources find the plugin's file under the
# macro FLOW_PLUGIN_PATH, and whatever else flow/testing needs is linked. Call enable_testing() in the top-level
# CMakeLists.txt first.

function(flow_add_plugin NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "OUTPUT_DIRECTORY" "SOURCES;LIBRARIES")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "flow_add_plugin(${NAME}): unknown argument '${ARG_UNPARSED_ARGUMENTS}'; "
                        "known are SOURCES, LIBRARIES and OUTPUT_DIRECTORY")
  endif()
  if(NOT ARG_SOURCES)
    message(FATAL_ERROR "flow_add_plugin(${NAME}): SOURCES is empty; name at least the file with FLOW_PLUGIN")
  endif()
  if(NOT ARG_OUTPUT_DIRECTORY)
    set(ARG_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  endif()

  set(version_script ${CMAKE_CURRENT_BINARY_DIR}/${NAME}.version)
  file(CONFIGURE OUTPUT ${version_script} CONTENT "{ global: flow_plugin_entry; local: *; };\n")

  add_library(${NAME} MODULE ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE flow::sdk ${ARG_LIBRARIES})
  target_link_options(${NAME} PRIVATE "LINKER:--version-script=${version_script}")
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # A forgotten library is an error here and not at the user's start. Not with clang, which leaves the
    # sanitizers' symbols in shared objects to the executable.
    target_link_options(${NAME} PRIVATE "LINKER:-z,defs")
  endif()
  set_target_properties(
    ${NAME}
    PROPERTIES PREFIX ""
               SUFFIX ".so"
               C_VISIBILITY_PRESET hidden
               CXX_VISIBILITY_PRESET hidden
               VISIBILITY_INLINES_HIDDEN ON
               LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT_DIRECTORY}
               LINK_DEPENDS ${version_script})
endfunction()

function(flow_add_plugin_test NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "PLUGIN" "SOURCES;LIBRARIES")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "flow_add_plugin_test(${NAME}): unknown argument '${ARG_UNPARSED_ARGUMENTS}'; "
                        "known are SOURCES, PLUGIN and LIBRARIES")
  endif()
  if(NOT ARG_SOURCES OR NOT ARG_PLUGIN)
    message(FATAL_ERROR "flow_add_plugin_test(${NAME}): both SOURCES and PLUGIN are needed")
  endif()
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE flow::sdk ${ARG_LIBRARIES} GTest::gtest_main ${CMAKE_DL_LIBS})
  target_compile_definitions(${NAME} PRIVATE "FLOW_PLUGIN_PATH=\"$<TARGET_FILE:${ARG_PLUGIN}>\"")
  add_dependencies(${NAME} ${ARG_PLUGIN})
  gtest_discover_tests(${NAME} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES TIMEOUT 120)
endfunction()
