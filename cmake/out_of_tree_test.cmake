# cmake -D BUILD=folder -D WORK=folder -D CXX=compiler (-D SOURCE=folder | -D FLOWRUN=binary) -P out_of_tree_test.cmake
#
# Installs the SDK of the build tree BUILD below WORK, copies the project SOURCE there (or has FLOWRUN write one with
# 'new plugin'), then configures, builds and tests that project with nothing but the installed SDK.

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(prefix ${WORK}/prefix)
set(project ${WORK}/sample)

function(run)
  execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${WORK} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix} --component sdk)
if(SOURCE)
  file(COPY ${SOURCE}/ DESTINATION ${project})
else()
  run(${FLOWRUN} new plugin sample)
endif()
run(${CMAKE_COMMAND} -S ${project} -B ${WORK}/build -G Ninja -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_COMPILER=${CXX}
    -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${WORK}/build)
# A project without a single test must not pass for one whose tests do.
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/build --output-on-failure --no-tests=error)
