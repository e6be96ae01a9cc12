# Compiler settings shared by every target of this project (not by users of the SDK).

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)

# Without the sloppiness ccache never reuses an object built on a precompiled header.
find_program(FLOWRUN_CCACHE ccache)
mark_as_advanced(FLOWRUN_CCACHE)
if(FLOWRUN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env "CCACHE_SLOPPINESS=pch_defines,time_macros" ${FLOWRUN_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${FLOWRUN_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O3 -DNDEBUG")
add_compile_options(-fno-plt -fdiagnostics-color=auto)
if(FLOWRUN_MARCH)
  add_compile_options(-march=${FLOWRUN_MARCH})
endif()

add_compile_options(-Wall -Wextra -Wpedantic)
if(FLOWRUN_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 reports "literal" + std::string as overlapping memcpy (GCC bug 105651).
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR FLOWRUN_SANITIZE)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

if(FLOWRUN_SANITIZE)
  add_compile_options(-fsanitize=${FLOWRUN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FLOWRUN_SANITIZE})
  if(FLOWRUN_SANITIZE MATCHES "undefined")
    # oneTBB 2021.8 asks a flow-graph task for its allocator after its destructor ran; the check stops every graph.
    add_compile_options(-fno-sanitize=vptr)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The instrumentation hides assignments from GCC's flow analysis, which then guesses wrong.
    add_compile_options(-Wno-maybe-uninitialized)
    if(FLOWRUN_SANITIZE MATCHES "thread")
      # GCC says that it does not model std::atomic_thread_fence here; oneTBB's headers use it.
      add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-tsan>)
    endif()
  endif()
endif()

if(FLOWRUN_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "FLOWRUN_FUZZ needs clang: libFuzzer is part of it. Use the preset 'fuzz'.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
